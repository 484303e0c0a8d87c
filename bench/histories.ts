/** Writes and reads the histories of 100,000 tunnels whose rings are full: `node bench/histories.ts`. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { History } from '../src/observation/history.ts'
import { HistoryFile } from '../src/observation/history-file.ts'
import { BUCKETS, SUM_COUNT, TunnelHistory, WORDS } from '../src/observation/tunnel-history.ts'
import { utcSeconds } from '../src/shared/clock.ts'
import type { Log } from '../src/shared/log.ts'

const TUNNELS = 100_000
const HOURLY_PAUSE_MS = 20
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }
const GO_ON = new AbortController().signal

const now = utcSeconds()
const directory = mkdtempSync(join(tmpdir(), 'freenet6-histories-'))
try {
  const full = emptyHistory()
  full.restore(Array.from({ length: TUNNELS }, (_, n) => ({ id: `tunnel-${n}`, history: fullRings(n) })))
  await measure('written at a stop', () => fileOf(full).save({ pauseMs: 0, signal: GO_ON }))
  await measure('written every hour', () => fileOf(full).save({ pauseMs: HOURLY_PAUSE_MS, signal: GO_ON }))
  process.stdout.write(`${statSync(join(directory, 'histories')).size} octets\n`)
  await measure('read at a start', () => fileOf(emptyHistory()).load())
} finally {
  rmSync(directory, { recursive: true, force: true })
}

function emptyHistory(): History {
  return new History({ now: () => now, maxTunnels: TUNNELS })
}

function fileOf(history: History): HistoryFile {
  return new HistoryFile({ file: join(directory, 'histories'), directory, history, log: SILENT })
}

function fullRings(seed: number): TunnelHistory {
  const words = Uint16Array.from({ length: BUCKETS * WORDS }, (_, at) => (at * 7 + seed) & 0x7fff)
  return TunnelHistory.of({ notedAt: now, words, sums: new Float64Array(SUM_COUNT) })
}

async function measure(what: string, work: () => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const before = process.cpuUsage()
  const started = performance.now()
  delay.enable()
  await work()
  delay.disable()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const { user, system } = process.cpuUsage(before)
  const cpu = ((user + system) / 1e6).toFixed(1)
  const most = (delay.max / 1e6).toFixed(0)
  process.stdout.write(
    `${what}: ${seconds} s, ${cpu} s of CPU, the event loop held up for ${most} ms at most\n`,
  )
}
