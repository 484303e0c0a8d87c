import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import type { TunnelTransaction, Work } from '../../src/store/tunnel-store.ts'
import { TYPE } from '../../src/wire/codes.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { TableFull } from '../../src/zone/table-fault.ts'
import { StaticZones } from '../../src/zone-loading.ts'
import { SILENT } from '../lifecycle/world.ts'
import { nameOf } from '../zone/zone-text.ts'

let dir: string
let statics: StaticZones

/** A store that keeps nothing: what is committed is answered. */
const STORE = {
  commit: async <Outcome>(work: Work<Outcome>): Promise<Outcome> => {
    const { outcome, changes } = work({} as TunnelTransaction)
    statics.catalog.commit(changes)
    return outcome
  },
  replaceZone: (apex: Uint8Array, rrsets: readonly Rrset[]) => statics.catalog.putZone(apex, rrsets),
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-zone-loading-'))
  mkdirSync(join(dir, 'zones'))
  for (const name of ['one.example', 'two.example']) write(name, '192.0.2.1')
  const reading = parseConfig('', join(dir, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  statics = new StaticZones(reading.config, { log: SILENT, tunnels: 'known' })
})

afterEach(() => rmSync(dir, { recursive: true }))

function fileOf(name: string): string {
  return join(dir, 'zones', `${name}.zone`)
}

function write(name: string, address: string): void {
  writeFileSync(fileOf(name), `$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A ${address}\n`)
}

function lastOctetOf(name: string): number | undefined {
  return statics.catalog.rrset(nameOf(`ns1.${name}.`), TYPE.A)?.rdatas[0]?.at(-1)
}

test('a zone that the table has no room for is kept as it was and named, and the files after it are taken', async t => {
  for (const name of ['one.example', 'two.example']) write(name, '192.0.2.2')
  const full = t.mock.method(statics.catalog, 'commit', () => {
    full.mock.restore()
    throw new TableFull(4711)
  })
  const line = `${fileOf('one.example')}: is kept as it was: the table can't grow to 4711 bytes`
  assert.deepEqual(await statics.reload(STORE), { taken: [fileOf('two.example')], kept: [line] })
  assert.deepEqual(['one.example', 'two.example'].map(lastOctetOf), [1, 2])
  assert.deepEqual(statics.failures, [line])
})

test('a zone that found no room is taken by the next reload, and fails no more', async t => {
  write('one.example', '192.0.2.2')
  const full = t.mock.method(statics.catalog, 'commit', () => {
    throw new TableFull(4711)
  })
  await statics.reload(STORE)
  full.mock.restore()
  const { taken, kept } = await statics.reload(STORE)
  assert.deepEqual([taken.length, kept, statics.failures], [2, [], []])
  assert.equal(lastOctetOf('one.example'), 2)
})

/** What SQLite throws where the disk is full. */
const FULL = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })

test('what a full disk has kept back is taken when it is tried again, as the files were when they were read', async () => {
  let isFull = true
  const store = {
    ...STORE,
    commit: async <Outcome>(work: Work<Outcome>): Promise<Outcome> => {
      if (isFull) throw FULL
      return STORE.commit(work)
    },
  }
  const names = ['one.example', 'two.example']
  for (const name of names) write(name, '192.0.2.2')
  assert.equal((await statics.reload(store)).kept.length, 2)
  write('one.example', '192.0.2.3')
  assert.deepEqual([statics.isKeptBack, statics.failures.length], [true, 2])
  assert.deepEqual((await statics.retry(store)).taken, [])
  assert.deepEqual([names.map(lastOctetOf), statics.failures.length], [[1, 1], 2])
  isFull = false
  assert.deepEqual((await statics.retry(store)).taken, names.map(fileOf))
  assert.deepEqual([names.map(lastOctetOf), statics.failures, statics.isKeptBack], [[2, 2], [], false])
})

test('what a file itself is to blame for is not tried again', async () => {
  writeFileSync(fileOf('one.example'), 'rubbish')
  assert.equal((await statics.reload(STORE)).kept.length, 1)
  assert.ok(!statics.isKeptBack)
})
