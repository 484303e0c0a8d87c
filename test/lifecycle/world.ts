import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Broker } from '../../src/broker.ts'
import { compose, type Parts } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/config.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import type { Lifecycle } from '../../src/lifecycle/lifecycle.ts'
import type { Registration, TunnelRequest } from '../../src/lifecycle/registration.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import type { Log } from '../../src/shared/log.ts'
import type { Interfaces, Link, LinkFault, Octets } from '../../src/tunnel/interface.ts'
import { Kinds } from '../../src/tunnel/kind.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { configText } from '../spawn.ts'

export const ORIGIN = 'freenet6.net'
export const TTL = 60
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A kernel in memory that can be told to refuse a device. */
export class FakeKernel implements Interfaces {
  readonly kind = 'sit'
  readonly links = new Map<string, Link>()
  readonly refusing = new Map<string, string>()
  /** Packets that came out of each device. */
  readonly received = new Map<string, number>()
  /** What has passed each device. */
  readonly passed = new Map<string, Octets>()
  /** Where the client behind each device is, of those that roam. */
  readonly clients = new Map<string, Endpoint>()
  /** Dormant tunnels that are listened for, and what has come from their clients since. */
  readonly listened = new Set<string>()
  readonly knocking = new Set<string>()
  reconciliations = 0

  async prepare(): Promise<readonly LinkFault[]> {
    return []
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.#each(links, link => this.links.set(link.device, link))
  }

  async changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.#each(links, link => this.links.set(link.device, link))
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    return this.#each(
      devices.map(device => ({ device })),
      ({ device }) => this.links.delete(device),
    )
  }

  async reconcile(wanted: readonly Link[]) {
    this.reconciliations++
    const names = new Set(wanted.map(link => link.device))
    const removed = [...this.links.keys()].filter(device => !names.has(device))
    const missing = wanted.filter(link => !this.links.has(link.device))
    await this.remove(removed)
    return { made: missing.map(link => link.device), removed, faults: await this.create(missing) }
  }

  async amiss(links: readonly Link[]): Promise<readonly string[]> {
    return links.map(({ device }) => device).filter(device => !this.links.has(device))
  }

  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(devices.map(device => [device, this.received.get(device) ?? 0]))
  }

  async octets(): Promise<ReadonlyMap<string, Octets>> {
    return this.passed
  }

  heardFrom(device: string): Endpoint | undefined {
    return this.clients.get(device)
  }

  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    const heard = new Set(links.map(({ device }) => device).filter(device => this.knocking.delete(device)))
    this.listened.clear()
    for (const { device } of links) this.listened.add(device)
    return heard
  }

  #each<T extends { readonly device: string }>(items: readonly T[], apply: (item: T) => void): LinkFault[] {
    const faults: LinkFault[] = []
    for (const item of items) {
      const reason = this.refusing.get(item.device)
      if (reason === undefined) apply(item)
      else faults.push({ device: item.device, reason })
    }
    return faults
  }
}

interface WorldOptions {
  readonly directory?: string
  readonly kernel?: FakeKernel
  readonly now?: number
  readonly prefix?: string
  /** The block of routed prefixes. */
  readonly routed?: string
  readonly maxTunnels?: number
  /** `origin`; ORIGIN unless given. */
  readonly origin?: string
  /** `dns.ttl`; TTL unless given. */
  readonly ttl?: number
  /** `dns.journal_bytes`. */
  readonly journalBytes?: number
  /** Further lines of the zone file of ORIGIN. */
  readonly statics?: string
  readonly kinds?: Kinds
  /** `tunnel.kinds`. */
  readonly offered?: readonly string[]
  readonly log?: Log
  readonly prober?: Parts['prober']
  /** Further lines of the section `monitor`. */
  readonly monitor?: string
}

/** The broker as the product composes it, in a directory of its own, with a kernel in memory and a clock by hand. */
export class World {
  readonly directory: string
  readonly kernel: FakeKernel
  readonly broker: Broker
  /** The store's own: a full disk is made with it. */
  readonly connection: DatabaseSync
  readonly #clock: { now: number; elapsed: number }
  readonly #options: WorldOptions
  registrations = 0

  private constructor(parts: {
    readonly directory: string
    readonly kernel: FakeKernel
    readonly broker: Broker
    readonly connection: DatabaseSync
    readonly clock: { now: number; elapsed: number }
    readonly options: WorldOptions
  }) {
    this.directory = parts.directory
    this.kernel = parts.kernel
    this.broker = parts.broker
    this.connection = parts.connection
    this.#clock = parts.clock
    this.#options = parts.options
    this.broker.onRegistered = () => this.registrations++
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'freenet6-world-'))
    const kernel = options.kernel ?? new FakeKernel()
    const clock = { now: options.now ?? 1_000_000, elapsed: 0 }
    writeZone(directory, options.statics ?? '')
    const reading = parseConfig(configText(textOf(options)), join(directory, 'freenet6.toml'))
    if (reading.kind === 'mistakes') assert.fail(reading.mistakes.join('\n'))
    const { result: broker, connection } = await watchingConnections(() =>
      compose(reading.config, {
        log: options.log ?? SILENT,
        kinds: options.kinds ?? new Kinds({ ...SIT, openDriver: async () => kernel }),
        now: () => clock.now,
        monotonic: () => clock.elapsed,
        ...(options.prober === undefined ? {} : { prober: options.prober }),
      }),
    )
    return new World({ directory, kernel, broker, connection, clock, options })
  }

  get now(): number {
    return this.#clock.now
  }

  /** Lets time pass. */
  set now(seconds: number) {
    this.#clock.elapsed += seconds - this.#clock.now
    this.#clock.now = seconds
  }

  /** Sets the wall clock; no time passes. */
  setWallClock(seconds: number): void {
    this.#clock.now = seconds
  }

  get catalog(): Catalog {
    return this.broker.catalog
  }

  get table() {
    return this.broker.table
  }

  get zone() {
    return this.broker.zone
  }

  get lifecycle(): Lifecycle {
    return this.broker.lifecycle
  }

  get audit() {
    return this.broker.audit
  }

  /** Edits the database as the sqlite3 shell does, from a connection of its own. */
  edit(sql: string): void {
    const shell = new DatabaseSync(join(this.directory, 'data', 'freenet6.db'))
    try {
      shell.exec(sql)
    } finally {
      shell.close()
    }
  }

  /** Leaves the database no room to grow while `work` runs: every page more is a full disk. */
  async withFullDisk<T>(work: () => Promise<T>): Promise<T> {
    const pages = Number(this.connection.prepare('PRAGMA page_count').get()?.page_count)
    this.connection.prepare(`PRAGMA max_page_count = ${pages}`).get()
    try {
      return await work()
    } finally {
      this.connection.prepare('PRAGMA max_page_count = 1000000').get()
    }
  }

  /** The world as it is after kill -9: the files as they lie on the disk, the kernel as it was, nothing else. */
  async crash(): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), 'freenet6-world-'))
    cpSync(this.directory, directory, { recursive: true, filter: source => !source.endsWith('.lock') })
    this.end()
    return World.open({ ...this.#options, directory, kernel: this.kernel, now: this.now })
  }

  /** With what is changed in the configuration. */
  restart(
    changes: Pick<WorldOptions, 'kinds' | 'offered' | 'origin' | 'ttl' | 'journalBytes'> = {},
  ): Promise<World> {
    this.broker.close()
    return World.open({
      ...this.#options,
      ...changes,
      directory: this.directory,
      kernel: this.kernel,
      now: this.now,
    })
  }

  end(): void {
    this.broker.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function textOf({
  prefix,
  routed,
  offered,
  maxTunnels,
  monitor,
  origin,
  journalBytes,
  ttl = TTL,
}: WorldOptions): string {
  return `
origin = "${origin ?? ORIGIN}"
zones_dir = "zones"
[dns]
ttl = ${ttl}
${journalBytes === undefined ? '' : `journal_bytes = ${journalBytes}`}
[tunnel]
prefix = "${prefix ?? '2001:db8:f6::/48'}"
routed_prefix = "${routed ?? ''}"
max_tunnels = ${maxTunnels ?? 65_000}
${offered === undefined ? '' : `kinds = ${JSON.stringify(offered)}`}
[monitor]
threshold = 2
${monitor ?? ''}
`
}

function writeZone(directory: string, statics: string): void {
  mkdirSync(join(directory, 'zones'), { recursive: true })
  writeFileSync(
    join(directory, 'zones', `${ORIGIN}.zone`),
    `$ORIGIN ${ORIGIN}.
$TTL 3600
@ SOA ns1.example.net. hostmaster.example.net. 1 3600 600 1209600 30
@ NS ns1.example.net.
${statics}
`,
  )
}

/** Runs `open` and tells which connection it made its database with: the one that is told to keep a log of its writes. */
async function watchingConnections<T>(
  open: () => Promise<T>,
): Promise<{ readonly result: T; readonly connection: DatabaseSync }> {
  const { exec } = DatabaseSync.prototype
  let connection: DatabaseSync | undefined
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    if (sql.includes('journal_mode = WAL')) connection = this
    return exec.call(this, sql)
  }
  try {
    return { result: await open(), connection: connection ?? assert.fail('no database was opened') }
  } finally {
    DatabaseSync.prototype.exec = exec
  }
}

/** Registers as a visitor's request does, of kind sit if it says nothing else. */
export function registerOne(
  lifecycle: Lifecycle,
  request: Omit<TunnelRequest, 'kind'> & Partial<Pick<TunnelRequest, 'kind'>>,
): Promise<Registration> {
  return lifecycle.register({ kind: { name: 'sit' }, ...request })
}
