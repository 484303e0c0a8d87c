import { FpingProber } from '../../src/echo/fping-prober.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import type { Log } from '../../src/shared/log.ts'

/** A round of the monitor with fping. */
export interface ProbeFigures {
  readonly targets: number
  readonly answered: number
  readonly seconds: number
}

const TARGETS = 1000
const TIMEOUT_MS = 3000
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** One round over a thousand tunnels, which are addresses of loopback here: no kernel tunnel is needed for it. */
export async function measureProbe(): Promise<ProbeFigures> {
  const targets = Array.from({ length: TARGETS }, (_, i) => {
    const ipv6Client = `127.0.${1 + (i >> 8)}.${i & 255}`
    return { id: ipv6Client, ipv6Client }
  })
  const monitor = new Monitor({
    lifecycle: {
      bringUpNew: async () => ({ activated: 0, failed: 0 }),
      probeTargets: async () => targets,
      heardSince: async () => ({
        heard: new Set<string>(),
        unknown: new Set<string>(),
        uncompared: new Set<string>(),
      }),
      recordRound: async () => ({ removed: 0 }),
      reconcile: async () => ({ made: [], removed: [], faults: [] }),
      check: async ids => new Set(ids),
      wakeHeard: async () => ({ listened: 0, woken: 0 }),
    },
    prober: new FpingProber(),
    intervalMs: 60_000,
    timeoutMs: TIMEOUT_MS,
    anchors: [],
    prepare: async () => [],
    dryRun: false,
    log: SILENT,
  })
  const report = await monitor.runRound()
  await monitor.stop()
  return { targets: report.targets, answered: report.answered, seconds: report.durationMs / 1000 }
}
