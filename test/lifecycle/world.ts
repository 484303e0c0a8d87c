import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePrefix } from '../../src/address/prefix.ts'
import { reverseApex } from '../../src/address/reverse-name.ts'
import { Audit } from '../../src/lifecycle/audit.ts'
import { Lifecycle, type Registration, type TunnelRequest } from '../../src/lifecycle/lifecycle.ts'
import { TunnelZone, wireName } from '../../src/lifecycle/tunnel-zone.ts'
import type { Log } from '../../src/shared/log.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { RestingIndexes } from '../../src/store/sqlite/resting-indexes.ts'
import { TunnelTable } from '../../src/store/sqlite/tunnel-table.ts'
import { ZoneSerials } from '../../src/store/sqlite/zone-serials.ts'
import { AddressPool } from '../../src/tunnel/address-pool.ts'
import type { Interfaces, Link, LinkFault } from '../../src/tunnel/interface.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { Catalog } from '../../src/zone/catalog.ts'
import type { Rrset } from '../../src/zone/rrset.ts'

export const ORIGIN = 'freenet6.net'
export const TTL = 60
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A kernel in memory that can be told to refuse a device. */
export class FakeKernel implements Interfaces {
  readonly kind = 'sit'
  readonly links = new Map<string, Link>()
  readonly refusing = new Map<string, string>()

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
    const names = new Set(wanted.map(link => link.device))
    const removed = [...this.links.keys()].filter(device => !names.has(device))
    const missing = wanted.filter(link => !this.links.has(link.device))
    await this.remove(removed)
    return { made: missing.map(link => link.device), removed, faults: await this.create(missing) }
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

/** The broker's rooms around a database in a directory of its own, with a kernel in memory and a clock by hand. */
export class World {
  readonly directory: string
  readonly kernel: FakeKernel
  readonly database: Database
  readonly catalog = new Catalog()
  readonly table: TunnelTable
  readonly zone: TunnelZone
  readonly pool: AddressPool
  readonly lifecycle: Lifecycle
  readonly audit: Audit
  now: number
  registrations = 0

  constructor(
    options: {
      directory?: string
      kernel?: FakeKernel
      now?: number
      prefix?: string
      maxTunnels?: number
      statics?: readonly Rrset[]
    } = {},
  ) {
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'freenet6-world-'))
    this.kernel = options.kernel ?? new FakeKernel()
    this.now = options.now ?? 1_000_000
    this.database = Database.open(join(this.directory, 'freenet6.db'))
    const prefix = parsePrefix(options.prefix ?? '2001:db8:f6::/48') ?? assert.fail()
    for (const name of [ORIGIN, reverseApex(prefix)]) {
      const statics = name === ORIGIN ? (options.statics ?? []) : []
      this.catalog.putZone(wireName(name), [...apexOf(name), ...statics])
    }
    const { database, catalog } = this
    this.table = new TunnelTable(database)
    this.zone = new TunnelZone({
      catalog,
      serials: new ZoneSerials(database),
      origin: ORIGIN,
      prefix,
      ttl: TTL,
    })
    this.pool = new AddressPool({ prefix, devicePrefix: 'fn6-' })
    const resting = new RestingIndexes(database, TTL)
    this.zone.publishAll(this.table.publishedColumns(), address => {
      this.pool.occupy(this.pool.indexAt(address) ?? assert.fail())
    })
    for (const index of resting.load(this.now)) this.pool.rest(index)
    this.zone.publish(database.transaction(() => this.zone.advanceSerials()))
    this.lifecycle = new Lifecycle({
      database,
      table: this.table,
      zone: this.zone,
      pool: this.pool,
      resting,
      interfaces: this.kernel,
      log: SILENT,
      maxTunnels: options.maxTunnels ?? 65_000,
      threshold: 2,
      now: () => this.now,
      onRegistered: () => this.registrations++,
    })
    this.audit = new Audit({
      table: this.table,
      zone: this.zone,
      log: SILENT,
      heal: changes => this.lifecycle.heal(changes),
    })
  }

  /** The world as it is after kill -9: the files as they lie on the disk, the kernel as it was, nothing else. */
  crash(): World {
    const directory = mkdtempSync(join(tmpdir(), 'freenet6-world-'))
    cpSync(this.directory, directory, { recursive: true, filter: source => !source.endsWith('.lock') })
    this.end()
    return new World({ directory, kernel: this.kernel, now: this.now })
  }

  restart(): World {
    this.database.close()
    return new World({ directory: this.directory, kernel: this.kernel, now: this.now })
  }

  end(): void {
    this.database.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function apexOf(name: string): Rrset[] {
  const owner = wireName(name)
  const ns = wireName('ns1.example.net')
  const soa = Buffer.concat([ns, wireName('hostmaster.example.net'), Buffer.alloc(20)])
  soa.writeUInt32BE(1, soa.length - 20)
  soa.writeUInt32BE(30, soa.length - 4)
  return [
    { owner, type: TYPE.SOA, ttl: 3600, rdatas: [soa] },
    { owner, type: TYPE.NS, ttl: 3600, rdatas: [ns] },
  ]
}

/** Registers at once, in a transaction of its own. */
export function registerOne(lifecycle: Pick<Lifecycle, 'registerAll'>, request: TunnelRequest): Registration {
  return lifecycle.registerAll([request])[0] ?? assert.fail('a registration has an outcome')
}
