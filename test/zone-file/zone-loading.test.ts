import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { NO_JOURNAL } from '../../src/store/journal.ts'
import type { TunnelTransaction, Work } from '../../src/store/tunnel-transaction.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { catalogZone } from '../../src/zone/catalog-zone.ts'
import { Lookup, OUTCOME } from '../../src/zone/lookup.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { TableFull } from '../../src/zone/table-fault.ts'
import { StaticZones } from '../../src/zone-loading.ts'
import { SILENT } from '../lifecycle/world.ts'
import { nameOf } from '../zone/zone-text.ts'

const TEXT = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\n'

let dir: string
let statics: StaticZones

/** A store that keeps nothing: what is committed is answered. */
const STORE = {
  journal: { ...NO_JOURNAL, isKept: true },
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
  open()
})

afterEach(() => rmSync(dir, { recursive: true }))

/** As a start reads the files. */
function open(configuration = ''): void {
  const reading = parseConfig(configuration, join(dir, 'freenet6.toml'))
  assert.ok(reading.kind === 'config')
  statics = new StaticZones(reading.config, { log: SILENT, tunnels: 'known' })
}

function fileOf(name: string): string {
  return join(dir, 'zones', `${name}.zone`)
}

function write(name: string, address: string): void {
  writeFileSync(fileOf(name), `${TEXT}ns1 A ${address}\n`)
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
  writeFileSync(fileOf('one.example'), 'rubbish\n')
  assert.equal((await statics.reload(STORE)).kept.length, 1)
  assert.ok(!statics.isKeptBack)
})

test('a file that is renamed is no zone that is gone', async () => {
  renameSync(fileOf('one.example'), fileOf('another'))
  writeFileSync(fileOf('another'), `$ORIGIN one.example.\n${TEXT}ns1 A 192.0.2.2\n`)
  const both = [fileOf('two.example'), fileOf('another')] // those whose zones are served are read first
  assert.deepEqual(await statics.reload(STORE), { taken: both, kept: [] })
  assert.equal(lastOctetOf('one.example'), 2)
})

test('a zone whose file gives another one by now is said to be as it was, until a file gives it again', async () => {
  writeFileSync(fileOf('one.example'), `$ORIGIN three.example.\n${TEXT}ns1 A 192.0.2.3\n`)
  const line = `${fileOf('one.example')}: gives one.example. no more; it is served as it was until freenet6 is restarted`
  for (let times = 0; times < 2; times++) assert.deepEqual((await statics.reload(STORE)).kept, [line])
  assert.deepEqual(['one.example', 'three.example'].map(lastOctetOf), [1, 3])
  write('one.example', '192.0.2.4')
  writeFileSync(fileOf('three.example'), `${TEXT}ns1 A 192.0.2.3\n`)
  assert.deepEqual((await statics.reload(STORE)).kept, [])
  assert.equal(lastOctetOf('one.example'), 4)
})

test('the file of the tunnels’ zone that gives another one is not taken', async () => {
  write('freenet6.net', '192.0.2.1')
  open()
  writeFileSync(fileOf('freenet6.net'), `$ORIGIN freenet6.nte.\n${TEXT}ns1 A 192.0.2.2\n`)
  const { taken, kept } = await statics.reload(STORE)
  assert.equal(taken.includes(fileOf('freenet6.net')), false)
  assert.match(kept.join(), /gives freenet6\.nte\. and gave freenet6\.net\., where tunnels have their names/)
  assert.equal(lastOctetOf('freenet6.nte'), undefined)
  assert.equal(statics.failures.length, 1)
})

test('a file for the name of the catalog zone is not taken: the next start would fail', async () => {
  open('[dns]\ncatalog_zone = "list.example"\n')
  write('list.example', '192.0.2.1')
  const line = `${fileOf('list.example')}: dns.catalog_zone = "list.example.": a zone file gives a zone of that name`
  assert.deepEqual((await statics.reload(STORE)).kept, [line])
  assert.deepEqual(statics.failures, [line])
})

test('zones that files gave before a start, and none gives now, stay on the list of the catalog zone', () => {
  const both = ['one.example', 'two.example']
  for (const name of both) rmSync(fileOf(name))
  open('[dns]\ncatalog_zone = "list.example"\n')
  assert.deepEqual(statics.given, [])
  statics.missFormer({ dir: join(dir, 'zones'), zones: both.map(name => `${name}.`) })
  const list = nameOf('list.example.')
  const listed = catalogZone(
    list,
    both.map(name => nameOf(`${name}.`)),
  ).filter(({ type }) => type === TYPE.PTR)
  assert.equal(listed.length, 2)
  for (const { owner, type, rdatas } of listed)
    assert.deepEqual(statics.catalog.rrset(owner, type)?.rdatas, rdatas)
  assert.equal(statics.failures.length, 2)
})

test('a broken file that is gone again has left a zone that is not served', async () => {
  writeFileSync(fileOf('three.example'), 'nonsense\n')
  await statics.reload(STORE)
  rmSync(fileOf('three.example'))
  const line = `${fileOf('three.example')}: is gone; its zone is SERVFAIL until freenet6 is restarted`
  assert.deepEqual((await statics.reload(STORE)).kept, [line])
  assert.deepEqual(statics.failures, [line])
})

/** A name of a tunnel in a country, as the table gives it. */
function putTunnel(country: string): () => boolean {
  const owner = nameOf(`foo.${country}.freenet6.net.`)
  const rrset = { owner, type: TYPE.AAAA, ttl: 60, rdatas: [new Uint8Array(16)] }
  statics.catalog.commit([{ kind: 'put', rrset, dynamic: true }])
  return () => {
    const lookup = new Lookup(statics.catalog.buffer)
    lookup.reader.refresh()
    return lookup.step(owner, 0, TYPE.AAAA) === OUTCOME.ANSWER
  }
}

test('a reload takes no tunnel out of a zone of its own below the tunnels’ zone, changed or not', async () => {
  for (const name of ['freenet6.net', 'de.freenet6.net']) write(name, '192.0.2.1')
  open()
  const isAnswered = putTunnel('de')
  assert.deepEqual((await statics.reload(STORE)).kept, [])
  assert.ok(isAnswered())
  write('de.freenet6.net', '192.0.2.2')
  assert.deepEqual((await statics.reload(STORE)).kept, [])
  assert.ok(isAnswered())
  assert.equal(lastOctetOf('de.freenet6.net'), 2)
})

for (const [sort, text] of [
  ['sound', `${TEXT}ns1 A 192.0.2.1\n`],
  ['broken', 'nonsense\n'],
] as const)
  test(`a new zone below the tunnels’ zone waits for a restart, and its tunnels are answered: ${sort}`, async () => {
    write('freenet6.net', '192.0.2.1')
    open()
    const isAnswered = putTunnel('de')
    writeFileSync(fileOf('de.freenet6.net'), text)
    assert.equal((await statics.reload(STORE)).kept.length, 1)
    assert.equal(statics.failures.length, 1)
    assert.ok(isAnswered())
  })

test('a change that waits for a restart is among what failed, and a mistake that was mended is not', async () => {
  for (const name of ['freenet6.net', 'sub.freenet6.net']) write(name, '192.0.2.1')
  open()
  const change = (line: string) => writeFileSync(fileOf('freenet6.net'), `${TEXT}ns1 A 192.0.2.1\n${line}\n`)
  change('sub NS ns1.sub')
  const { kept } = await statics.reload(STORE)
  assert.deepEqual([kept.length, statics.failures], [1, kept])
  change('bad A 1.2.3')
  await statics.reload(STORE)
  change('sub NS ns1.sub')
  await statics.reload(STORE)
  assert.deepEqual(statics.failures, kept)
})

test('a zone below the tunnels’ zone that was broken at the start is taken once it is mended', async () => {
  write('freenet6.net', '192.0.2.1')
  writeFileSync(fileOf('de.freenet6.net'), 'nonsense\n')
  open()
  write('de.freenet6.net', '192.0.2.2')
  assert.deepEqual((await statics.reload(STORE)).kept, [])
  assert.deepEqual(statics.failures, [])
  assert.equal(lastOctetOf('de.freenet6.net'), 2)
  write('de.freenet6.net', '192.0.2.3')
  await statics.reload(STORE)
  assert.equal(lastOctetOf('de.freenet6.net'), 3)
})

for (const text of [`${TEXT}ns1 A 192.0.2.1\n`, 'nonsense\n'])
  test(`a new file below the tunnels’ zone that came to nothing is forgotten when it is gone: ${text.slice(0, 8)}`, async () => {
    write('freenet6.net', '192.0.2.1')
    open()
    writeFileSync(fileOf('de.freenet6.net'), text)
    assert.equal((await statics.reload(STORE)).kept.length, 1)
    rmSync(fileOf('de.freenet6.net'))
    assert.deepEqual((await statics.reload(STORE)).kept, [])
    assert.deepEqual(statics.failures, [])
  })

test('one that was broken at the start, and is gone, is SERVFAIL until a restart', async () => {
  write('freenet6.net', '192.0.2.1')
  writeFileSync(fileOf('de.freenet6.net'), 'nonsense\n')
  open()
  await statics.reload(STORE)
  rmSync(fileOf('de.freenet6.net'))
  assert.match(
    (await statics.reload(STORE)).kept.join(),
    /de\.freenet6\.net\.zone: is gone; its zone is SERVFAIL/,
  )
})
