import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { TYPE } from '../../src/wire/codes.ts'
import { putUint32 } from '../../src/wire/octets.ts'
import { Catalog, type RrsetChange } from '../../src/zone/catalog.ts'
import { ReaderSlot } from '../../src/zone/reader-slot.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { wire } from '../engine/zones.ts'
import type { ChurnReaderOrders } from './churn-reader.ts'

/** Commits in a run; CHURN_COMMITS asks for more, millions at night. */
const COMMITS = Number(process.env.CHURN_COMMITS ?? 150_000)
const NAMES = 500
const READERS = 2
const APEX = wire('example.')

test(`${COMMITS} commits beside ${READERS} readers: no torn answer, and no memory lost`, {
  timeout: 3_600_000,
}, async () => {
  const catalog = emptyZone()
  const control = new SharedArrayBuffer(4)
  const readers = Array.from({ length: READERS }, (_, reader) =>
    read({ buffer: catalog.buffer, reader, names: NAMES, control }),
  )
  const empty = catalog.memory().used
  for (let serial = 1; serial <= COMMITS; serial++) commit(catalog, serial)
  Atomics.store(new Int32Array(control), 0, 1)
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

/** Every commit changes the SOA and one name: it comes, changes its number, or goes. */
function commit(catalog: Catalog, serial: number): void {
  const owner = wire(`h${(serial * 7919) % NAMES}.example.`)
  const changes: RrsetChange[] = [{ kind: 'put', rrset: soaOf(serial) }]
  if (serial % 3 === 0) changes.push({ kind: 'remove', owner, type: TYPE.AAAA })
  else changes.push({ kind: 'put', rrset: { owner, type: TYPE.AAAA, ttl: 60, rdatas: fourOf(serial) } })
  catalog.commit(changes)
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
