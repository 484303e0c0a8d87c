import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { tunnelReport } from '../../src/operator/tunnel-report.ts'
import { reportOfBroken } from '../../src/operator/tunnel-reports.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { ORIGIN, registerOne, SILENT, World } from '../lifecycle/world.ts'

let world: World
let faults: { readonly tunnel?: string; readonly reason?: string }[]

beforeEach(async () => {
  faults = []
  world = await World.open({ log: { ...SILENT, error: facts => void faults.push(facts) } })
})

afterEach(() => world.end())

const SOUND = {
  id: 'byhand',
  IPv4client: '198.51.100.200',
  IPv6client: '2001:db8:f6::2',
  IPv6server: '2001:db8:f6::1',
  device: 'fn6-0',
  nicname: 'byhand',
  country: 'ca',
  os: 'linux',
  unreachable: '0',
  kind: 'sit',
}

function writeRow(columns: Partial<typeof SOUND>): void {
  const row = { ...SOUND, ...columns }
  const values = Object.values(row).map(value => `'${value.replaceAll("'", "''")}'`)
  world.edit(`INSERT INTO tunnels (${Object.keys(row).join(', ')}, creation_time, key_hash)
    VALUES (${values.join(', ')}, 1, x'00')`)
}

function isNamed(name: string): boolean {
  return world.catalog.rrset(wireName(`${name}.${ORIGIN}`), TYPE.AAAA) !== undefined
}

test('a row that another program wrote well is a tunnel like any other', async () => {
  writeRow({})
  await world.audit.run()
  assert.equal(world.table.byId('byhand')?.nicname, 'byhand')
  assert.ok(isNamed('byhand.ca'))
  assert.deepEqual(world.table.brokenRows(), [])
})

const BREAKAGES: readonly [what: string, columns: Partial<typeof SOUND>, reason: RegExp][] = [
  ['a nicname that a shell would run', { nicname: '$(reboot)' }, /nicname/],
  ['backticks as an address', { IPv4client: '`reboot`' }, /IPv4client/],
  ['an unknown operating system', { os: 'plan9' }, /os/],
  ['an unknown country', { country: 'zz' }, /country/],
  ['a device with an option in it', { device: 'fn6-0 up' }, /device/],
  ['a device that is not ours', { device: 'eth0' }, /device/],
  ['an address outside the pool', { IPv6client: '2001:db8:ffff::2' }, /IPv6client/],
  ['another spelling of an address', { IPv6client: '2001:db8:f6:0::2' }, /IPv6client/],
  ['a server address that is none', { IPv6server: '$(reboot)' }, /IPv6server/],
  ['an id with a path in it', { id: '../../x' }, /id/],
  ['a kind that nobody knows', { kind: 'gre' }, /kind/],
]

for (const [what, columns, reason] of BREAKAGES) {
  test(`a row with ${what} is broken: no tunnel, no name, no interface, no probe`, async () => {
    writeRow(columns)
    const id = columns.id ?? 'byhand'
    assert.deepEqual(await world.audit.run(), { tunnels: 0, differences: 0 })
    await world.lifecycle.reconcile()
    assert.equal(world.table.byId(id), undefined)
    assert.deepEqual(world.table.after('', 10).rows, [])
    assert.equal(world.kernel.links.size, 0)
    assert.deepEqual(await world.lifecycle.probeTargets(), [])
    const [broken] = world.table.brokenRows()
    assert.equal(broken?.id, id)
    assert.match(broken?.reason ?? '', reason)
    for (const [column, value] of Object.entries(columns)) assert.equal(broken?.columns[column], value)
    const restarted = await world.restart()
    world = restarted
    assert.ok(!isNamed('byhand.ca'))
    assert.equal(world.table.brokenRows().length, 1)
  })
}

/** As `date +%s%N` prints it: no JavaScript number is exact for it. */
const NANOSECONDS = '1795811064526000000'

test('a time that no calendar has breaks its row: no page could show it', async () => {
  writeRow({})
  world.edit("UPDATE tunnels SET creation_time = 1795811064526000 WHERE id = 'byhand'")
  await world.audit.run()
  assert.match(world.table.brokenRows()[0]?.reason ?? '', /creation_time is not a time/)
})

for (const column of ['creation_time', 'unreachable', 'wait_until', 'state_since']) {
  test(`a row with nanoseconds as ${column} is broken, and takes no other with it`, async () => {
    writeRow({})
    const request = { ipv4: '198.51.100.7', nicname: 'host7', country: 'ca', os: 'linux' }
    assert.equal((await registerOne(world.lifecycle, request)).kind, 'registered')
    world.edit(`UPDATE tunnels SET ${column} = ${NANOSECONDS} WHERE id = 'byhand'`)
    world = await world.restart()
    await world.audit.run()
    assert.ok(isNamed('host7.ca') && !isNamed('byhand.ca'))
    const [broken] = world.table.brokenRows()
    assert.deepEqual([broken?.id, broken?.columns[column]], ['byhand', NANOSECONDS])
    tunnelReport.parse(reportOfBroken(broken ?? assert.fail())) // as its command line reads it
    const deleted = await world.broker.operator.delete('byhand')
    assert.ok(deleted.kind === 'done')
    tunnelReport.parse(deleted.value)
  })
}

test('a dormant row with nanoseconds in it is broken, and takes no other with it', async () => {
  writeRow({})
  await world.lifecycle.recordRound({ answered: ['byhand'], silent: [] })
  for (let i = 0; i < 6; i++) await world.lifecycle.recordRound({ answered: [], silent: ['byhand'] })
  assert.ok(world.table.dormant.byId('byhand'))
  for (const column of ['since', 'until', 'creation_time']) {
    world.edit(`UPDATE dormant SET ${column} = ${NANOSECONDS}`)
    world = await world.restart()
    assert.equal(world.table.brokenRows()[0]?.id, 'byhand')
    assert.match(world.table.brokenRows()[0]?.reason ?? '', new RegExp(column))
    world.edit(`UPDATE dormant SET ${column} = 7`)
  }
})

test('a broken row is named in the log once, and again when it is broken otherwise', async () => {
  writeRow({ os: 'plan9' })
  for (let i = 0; i < 3; i++) await world.audit.run()
  assert.deepEqual(
    faults.map(({ tunnel, reason }) => [tunnel, reason]),
    [['byhand', 'os is not known']],
  )
  world.edit("UPDATE tunnels SET os = 'beos'")
  await world.audit.run()
  assert.equal(faults.length, 2)
})

test('an address that is none is not probed, although nobody has audited the row yet', async () => {
  writeRow({ IPv6client: '-h `reboot`' })
  assert.deepEqual(await world.lifecycle.probeTargets(), [])
})

test('a broken row is a tunnel again once it is mended', async () => {
  writeRow({ os: 'plan9' })
  await world.audit.run()
  world.edit("UPDATE tunnels SET os = 'linux'")
  await world.audit.run()
  assert.deepEqual(world.table.brokenRows(), [])
  assert.ok(isNamed('byhand.ca'))
})

test('a broken row keeps its addresses, endpoint and name from others, and blocks nobody', async () => {
  writeRow({ os: 'plan9' })
  world = await world.restart()
  const request = { ipv4: '198.51.100.7', nicname: 'host7', country: 'ca', os: 'linux' }
  const registration = await registerOne(world.lifecycle, request)
  assert.ok(registration.kind === 'registered')
  assert.equal(registration.tunnel.device, 'fn6-1')
  assert.equal(registration.tunnel.unreachable, 0)
  assert.ok(isNamed('host7.ca'))
  const same = await registerOne(world.lifecycle, { ...request, ipv4: SOUND.IPv4client, nicname: 'byhand' })
  assert.ok(same.kind === 'refused')
  assert.deepEqual(
    same.problems.map(({ code }) => code),
    ['ipv4-in-use', 'nicname-taken'],
  )
})

test('a broken row is deleted by its id, and its addresses rest before they are given out again', async () => {
  writeRow({ os: 'plan9' })
  world = await world.restart()
  assert.equal((await world.broker.operator.delete('byhand')).kind, 'done')
  assert.equal(world.table.count(), 0)
  assert.deepEqual(world.table.brokenRows(), [])
  const request = { ipv4: '198.51.100.7', nicname: 'host7', country: 'ca', os: 'linux' }
  const registration = await registerOne(world.lifecycle, request)
  assert.ok(registration.kind === 'registered' && registration.tunnel.device === 'fn6-1')
})

test('an index stays taken although its addresses are spelt otherwise and its device is another’s', async () => {
  writeRow({ IPv6client: '2001:db8:f6:0::2', IPv6server: '2001:db8:f6:0::1', device: 'fn6-77' })
  world = await world.restart()
  const request = { ipv4: '198.51.100.7', nicname: 'host7', country: 'ca', os: 'linux' }
  const registration = await registerOne(world.lifecycle, request)
  assert.ok(registration.kind === 'registered')
  assert.equal(registration.tunnel.device, 'fn6-1')
})
