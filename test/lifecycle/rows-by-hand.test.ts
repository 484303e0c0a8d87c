import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Care } from '../../src/lifecycle/audit.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { codesOf, registered, request } from './stages.ts'
import { registerOne, TTL, World } from './world.ts'

const ROWS = 2500

let world: World
let commits: number

beforeEach(async () => {
  commits = 0
  world = await World.open({ prefix: '2001:db8::/32' })
  world.broker.store.onCommitted(() => {
    commits++
  })
})

afterEach(() => world.end())

function insertRows(): void {
  world.edit(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${ROWS})
    INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      unreachable, key_hash)
    SELECT 't' || i, printf('10.0.%d.%d', i >> 8, i & 255), printf('2001:db8:f6:%x::2', i),
      printf('2001:db8:f6:%x::1', i), 'fn6-' || i, 'h' || i, 'ca', 'linux', 1, 0, x'00' FROM numbers`)
}

function serial(apex: Uint8Array): number {
  return soaSerial(world.catalog.rrset(apex, TYPE.SOA)?.rdatas[0] ?? new Uint8Array(20))
}

function serials(): readonly number[] {
  return [world.zone.names.forwardApex, world.zone.names.backwardApex].map(serial)
}

function isAnswered(nicname: string): boolean {
  return world.catalog.rrset(world.zone.names.ownerOf(nicname, 'ca'), TYPE.AAAA) !== undefined
}

test('rows that came by hand in one transaction are healed a thousand at a time, with one serial each time', async () => {
  const before = serials()
  insertRows()
  assert.deepEqual(await world.audit.run(), { tunnels: ROWS, differences: 2 * ROWS })
  assert.equal(commits, 3)
  assert.deepEqual(
    serials(),
    before.map(serial => serial + 3),
  )
  assert.deepEqual([isAnswered('h1'), isAnswered(`h${ROWS}`)], [true, true])
  assert.deepEqual(await world.audit.run(), { tunnels: ROWS, differences: 0 })
  assert.equal(commits, 3)
})

test('rows that were renamed and deleted by hand leave no name behind', async () => {
  insertRows()
  await world.audit.run()
  world.edit("UPDATE tunnels SET nicname = 'x' || nicname")
  assert.deepEqual(await world.audit.run(), { tunnels: ROWS, differences: 3 * ROWS })
  assert.deepEqual([isAnswered('h1'), isAnswered('xh1')], [false, true])
  world.edit('DELETE FROM tunnels')
  assert.deepEqual(await world.audit.run(), { tunnels: 0, differences: 2 * ROWS })
  assert.equal(isAnswered('xh1'), false)
})

test('what another transaction does while rows are healed is seen too', async () => {
  insertRows()
  const healed = world.audit.run()
  const stop = world.broker.store.onCommitted(() => {
    stop()
    world.edit("UPDATE tunnels SET nicname = 'late' WHERE id = 't2400'; DELETE FROM tunnels WHERE id = 't1'")
    void world.audit.run()
  })
  await healed
  assert.deepEqual([isAnswered('h1'), isAnswered('h2400'), isAnswered('late')], [false, false, true])
  assert.equal((await world.audit.run()).differences, 0)
})

/** The names that an audit looks up among the rows while an early row goes, which it has seen and counted. */
async function lookupsBesideACommit(care: Care, edit?: string): Promise<number> {
  insertRows()
  await world.audit.run()
  if (edit !== undefined) world.edit(edit)
  const { table } = world
  const { byName } = table
  let lookups = 0
  table.byName = (...name) => {
    lookups++
    return byName.apply(table, name)
  }
  try {
    const audit = world.audit.run(care)
    await world.lifecycle.delete('t1')
    await audit
    return lookups
  } finally {
    table.byName = byName
  }
}

test('a quick audit takes what was committed meanwhile for the reason why the counts differ', async () => {
  assert.equal(await lookupsBesideACommit('quick'), 0)
})

test('a thorough one looks every name up, although as many strays as rows that went make the counts agree', async () => {
  assert.ok((await lookupsBesideACommit('thorough', "DELETE FROM tunnels WHERE id = 't2400'")) >= ROWS - 2)
  assert.equal(isAnswered('h2400'), false)
})

test('a quick audit finds strays where nothing was committed meanwhile, and where more differs than was', async () => {
  insertRows()
  await world.audit.run()
  world.edit("DELETE FROM tunnels WHERE id = 't2400'")
  assert.equal((await world.audit.run('quick')).differences, 2)
  world.edit("DELETE FROM tunnels WHERE id BETWEEN 't2000' AND 't2100'")
  const audit = world.audit.run('quick')
  await world.lifecycle.delete('t1')
  await audit
  assert.equal(isAnswered('h2050'), false)
})

test('a thorough audit that is asked for while a quick one runs is thorough, whatever is asked for after it', async () => {
  insertRows()
  await world.audit.run()
  const first = world.audit.run('quick')
  world.edit("DELETE FROM tunnels WHERE id = 't2400'")
  void world.audit.run('thorough')
  void world.audit.run('quick')
  await first
  assert.equal(isAnswered('h2400'), false)
})

test('addresses and prefixes of rows that were deleted by hand are given out again after their rest', async () => {
  world.end()
  world = await World.open({ prefix: '2001:db8:f6::/60', routed: '2001:db8:a000::/52' })
  const fill = async (from: number) => {
    for (let n = from; n < from + 16; n++)
      registered(await registerOne(world.lifecycle, { ...request(n), wantsRouted: true }))
  }
  await fill(1)
  const noticed = new Promise<void>(resolve => world.broker.store.onForeignCommit(resolve))
  world.edit('DELETE FROM tunnels WHERE id <> (SELECT min(id) FROM tunnels)')
  await noticed
  world.lifecycle.recount()
  const refusal = await registerOne(world.lifecycle, { ...request(50), wantsRouted: true })
  assert.deepEqual(codesOf(refusal), ['pool-full'])
  world.now += 2 * TTL
  for (let n = 60; n < 75; n++)
    registered(await registerOne(world.lifecycle, { ...request(n), wantsRouted: true }))
  assert.equal((await registerOne(world.lifecycle, request(80))).kind, 'refused')
})

test('a row by hand costs no routed prefix', async () => {
  world.end()
  world = await World.open({ routed: '2001:db8:a000::/55' })
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
      unreachable, kind, key_hash)
    VALUES ('aaaaaaaaaaaa', '198.51.100.200', '2001:db8:f6::2', '2001:db8:f6::1', 'fn6-0', 'byhand', 'ca', 'linux', 1, 0,
      'sit', x'00')`)
  for (const n of [1, 2]) registered(await registerOne(world.lifecycle, { ...request(n), wantsRouted: true }))
})
