import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { seededRandom } from '../../bench/seeded-random.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { putUint32 } from '../../src/wire/octets.ts'
import { Catalog, type RrsetChange } from '../../src/zone/catalog.ts'
import { ReaderSlot } from '../../src/zone/reader-slot.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import type { Snapshot } from '../../src/zone/snapshot.ts'
import { wire } from '../engine/zones.ts'
import type { ChurnReaderOrders } from './churn-reader.ts'

/** Commits in a run; CHURN_COMMITS asks for more, millions at night. */
const COMMITS = Number(process.env.CHURN_COMMITS ?? 150_000)
const NAMES = 500
const READERS = 2
/** Of commits, how many are built and abandoned before, and how many have a snapshot taken after them. */
const ABANDONED_SHARE = 0.1
const SNAPSHOT_SHARE = 0.01
const MOST_HELD = 8
const random = seededRandom(1)
const APEX = wire('example.')

test(`${COMMITS} commits beside ${READERS} readers and held versions: no torn answer, and no memory lost`, {
  timeout: 3_600_000,
}, async () => {
  const catalog = emptyZone()
  const control = new SharedArrayBuffer(4)
  const readers = Array.from({ length: READERS }, (_, reader) =>
    read({ buffer: catalog.buffer, reader, names: NAMES, control }),
  )
  const empty = catalog.memory().used
  try {
    commitAll(catalog)
  } finally {
    Atomics.store(new Int32Array(control), 0, 1)
  }
  for (const { looked, found, torn } of await Promise.all(readers)) {
    assert.deepEqual(torn, [])
    assert.ok(looked > 1000 && found > 100, `${looked} looked up, ${found} found`)
  }
  const { touched } = catalog.memory()
  // A reader that the system has put to sleep holds on to what comes in meanwhile; without reuse it would be 1 KB each.
  assert.ok(touched < Math.max(COMMITS * 150, 4_000_000), `${touched} octets touched`)
  for (let i = 0; i < NAMES; i++)
    catalog.commit([{ kind: 'remove', owner: wire(`h${i}.example.`), type: TYPE.AAAA }])
  assert.equal(catalog.memory().used, empty)
})

test('what a reader may stand on is not used again until it leaves', () => {
  const catalog = emptyZone()
  commit(catalog, 1)
  const slot = new ReaderSlot(catalog.buffer, 5)
  slot.enter()
  const held = catalog.memory().used
  for (let serial = 2; serial < 200; serial++) commit(catalog, 1)
  const grown = catalog.memory().used
  assert.ok(grown > held * 2, `${grown} after ${held}`)
  slot.leave()
  commit(catalog, 1)
  assert.ok(catalog.memory().used <= held * 1.5)
})

function commitAll(catalog: Catalog): void {
  const holders = new Holders(catalog)
  for (let serial = 1; serial <= COMMITS; serial++) {
    if (chance(ABANDONED_SHARE)) catalog.prepare(changesOf(serial + 1)).abandon()
    commit(catalog, serial)
    holders.takeTurn()
  }
  holders.leave()
  assert.ok(holders.walked > COMMITS / 1000, `${holders.walked} snapshots walked`)
}

/** Every commit changes the SOA and one name: it comes, changes its number, or goes. */
function commit(catalog: Catalog, serial: number): void {
  catalog.commit(changesOf(serial))
}

function changesOf(serial: number): readonly RrsetChange[] {
  const owner = wire(`h${(serial * 7919) % NAMES}.example.`)
  const changes: RrsetChange[] = [{ kind: 'put', rrset: soaOf(serial) }]
  if (serial % 3 === 0) changes.push({ kind: 'remove', owner, type: TYPE.AAAA })
  else changes.push({ kind: 'put', rrset: { owner, type: TYPE.AAAA, ttl: 60, rdatas: fourOf(serial) } })
  return changes
}

/** Takes snapshots now and then, and walks them piece by piece between commits. */
class Holders {
  /** Snapshots that were walked to their end. */
  walked = 0
  readonly #catalog: Catalog
  readonly #walks: SnapshotWalk[] = []

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  takeTurn(): void {
    if (this.#walks.length < MOST_HELD && chance(SNAPSHOT_SHARE))
      this.#walks.push(new SnapshotWalk(this.#catalog))
    const index = Math.floor(random() * MOST_HELD)
    if (!chance(0.2) || this.#walks[index]?.step() !== 'end') return
    this.#walks.splice(index, 1)
    this.walked++
  }

  leave(): void {
    for (const walk of this.#walks) walk.snapshot.release()
  }
}

/** Walks a held version, and compares it with what it was when it was the newest. */
class SnapshotWalk {
  readonly snapshot: Snapshot
  readonly #whole: readonly Rrset[]
  #seen = 0

  constructor(catalog: Catalog) {
    this.snapshot = catalog.snapshot()
    this.#whole = catalog.walk(APEX, undefined, NAMES * 3)
  }

  step(): 'more' | 'end' {
    const piece = this.snapshot.walk(APEX, this.#whole[this.#seen - 1]?.owner, 60)
    assert.deepEqual(piece, this.#whole.slice(this.#seen, this.#seen + piece.length))
    this.#seen += piece.length
    if (piece.length > 0) return 'more'
    assert.equal(this.#seen, this.#whole.length)
    this.snapshot.release()
    return 'end'
  }
}

function chance(share: number): boolean {
  return random() < share
}

function emptyZone(): Catalog {
  const catalog = new Catalog()
  catalog.putZone(APEX, [soaOf(0), { owner: APEX, type: TYPE.NS, ttl: 60, rdatas: [wire('ns.')] }])
  return catalog
}

/** Four addresses that begin with the number and end with 1. */
function fourOf(number: number): Uint8Array[] {
  return [1, 2, 3, 4].map(which => {
    const address = new Uint8Array(16)
    putUint32(address, 0, number)
    address[7] = which
    address[15] = 1
    return address
  })
}

function soaOf(serial: number): Rrset {
  const rdata = Buffer.concat([wire('ns.'), wire('h.'), new Uint8Array(20)])
  putUint32(rdata, rdata.length - 20, serial)
  return { owner: APEX, type: TYPE.SOA, ttl: 60, rdatas: [rdata] }
}

async function read(
  orders: ChurnReaderOrders,
): Promise<{ readonly looked: number; readonly found: number; readonly torn: readonly string[] }> {
  const worker = new Worker(new URL('./churn-reader.ts', import.meta.url), { workerData: orders })
  const [told] = await once(worker, 'message')
  return told
}
