import { statfsSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { VERSION } from '../shared/version.ts'
import type { TunnelTable } from '../store/sqlite/tunnel-table.ts'
import { TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import { soaSerial } from '../zone/serial.ts'

/** What `status` gives. */
export const statusReport = z.object({
  version: z.string(),
  config: z.string(),
  /** Null if no process runs and the command looked at the database itself. */
  process: z.object({ pid: z.int(), uptime_seconds: z.int(), thread_restarts: z.int() }).nullable(),
  threads: z.int(),
  driver: z.string(),
  prober: z.string(),
  zones: z.array(z.object({ name: z.string(), serial: z.int(), rrsets: z.int() })),
  /** Null if nothing is known: it has not answered yet, or transferred nothing since the start. */
  secondaries: z.array(
    z.object({
      address: z.string(),
      zone: z.string(),
      serial: z.int(),
      acknowledged: z.int().nullable(),
      transferred: z.int().nullable(),
      /** Serials that it is behind, at the least if it has transferred nothing. */
      lag: z.int(),
      answer: z.string(),
      unanswered: z.int(),
    }),
  ),
  /** What is shown to clients of DNS over TLS; `expires`: UTC seconds, of the first of the chain that ends. */
  certificates: z.array(z.object({ address: z.string(), expires: z.int() })).default([]), // none of an older process
  tunnels: z.record(z.string(), z.int()),
  /** Tunnels whose names zone files take; null if nobody has counted. */
  hidden_names: z.int().nullable().default(null), // none of an older process
  /** What is wrong, a sentence each, as /healthz has it; empty if no process runs. */
  troubles: z.array(z.string()),
  /** What is not as it should be while everybody is served, a sentence each. */
  warnings: z.array(z.string()).default([]), // none of an older process
  data_dir: z.object({ path: z.string(), free_bytes: z.int(), size_bytes: z.int() }),
})

export type StatusReport = z.output<typeof statusReport>

export interface StatusSources {
  readonly config: Pick<Config, 'source' | 'data_dir' | 'dns'>
  readonly catalog: Pick<Catalog, 'apexes' | 'rrset' | 'countAfter'>
  readonly table: Pick<TunnelTable, 'countByState'>
  readonly hiddenNames?: () => number | undefined
  readonly driver: string
  readonly prober: string
  /** Threads that answer and had to be replaced; undefined if no process serves. */
  readonly threadRestarts: (() => number) | undefined
  /** When the certificate ends that each address of TLS shows, in UTC seconds; undefined if no process serves. */
  readonly tlsExpiries?: () => Readonly<Record<string, number>>
  /** What is wrong with the process that serves; undefined if none does. */
  readonly troubles?: () => readonly string[]
  readonly warnings?: () => readonly string[]
  /** Each zone at each secondary; undefined if no process serves. */
  readonly secondaries: (() => StatusReport['secondaries']) | undefined
}

/** Owners counted in one turn of the event loop: about a millisecond's work. */
const COUNTED_SLICE = 5000

/** How the broker is, at a glance. */
export class Status {
  readonly #sources: StatusSources

  constructor(sources: StatusSources) {
    this.#sources = sources
  }

  /** Counts in slices, so that answers and commits go on between: a zone that changes meanwhile is counted nearly. */
  async report(): Promise<StatusReport> {
    const { config, table, driver, prober, secondaries, tlsExpiries, hiddenNames } = this.#sources
    const zones = []
    for (const apex of this.#sources.catalog.apexes()) zones.push(await this.#zone(apex))
    return {
      version: VERSION,
      config: config.source,
      process: this.#process(),
      threads: config.dns.threads,
      driver,
      prober,
      zones,
      secondaries: secondaries?.() ?? [],
      certificates: Object.entries(tlsExpiries?.() ?? {}).map(([address, expires]) => ({ address, expires })),
      tunnels: { ...table.countByState() },
      hidden_names: hiddenNames?.() ?? null,
      troubles: [...(this.#sources.troubles?.() ?? [])],
      warnings: [...(this.#sources.warnings?.() ?? [])],
      data_dir: diskOf(config.data_dir),
    }
  }

  #process(): StatusReport['process'] {
    const { threadRestarts } = this.#sources
    if (threadRestarts === undefined) return null
    return {
      pid: process.pid,
      uptime_seconds: Math.round(process.uptime()),
      thread_restarts: threadRestarts(),
    }
  }

  async #zone(apex: Uint8Array): Promise<StatusReport['zones'][number]> {
    const soa = this.#sources.catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    return {
      name: formatName(apex),
      serial: soa === undefined ? 0 : soaSerial(soa),
      rrsets: await this.#rrsets(apex),
    }
  }

  async #rrsets(apex: Uint8Array): Promise<number> {
    let total = 0
    for (let after: Uint8Array | undefined; ; ) {
      const { rrsets, last } = this.#sources.catalog.countAfter(apex, after, COUNTED_SLICE)
      total += rrsets
      if (last === undefined) return total
      after = last
      await nextTurn()
    }
  }
}

function diskOf(path: string): StatusReport['data_dir'] {
  const { bavail, blocks, bsize } = statfsSync(path)
  return { path, free_bytes: bavail * bsize, size_bytes: blocks * bsize }
}
