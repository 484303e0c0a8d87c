import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { reverseName } from '../../src/address/reverse-name.ts'
import type { Registration } from '../../src/lifecycle/registration.ts'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { ORIGIN, registerOne, TTL, World } from './world.ts'

let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

function request(n: number) {
  return { ipv4: `198.51.100.${n}`, nicname: `host${n}`, country: 'ca', os: 'linux' }
}

function tunnelOf(registration: Registration): Tunnel {
  return registration.kind === 'registered' ? registration.tunnel : assert.fail(JSON.stringify(registration))
}

function codesOf(outcome: { kind: string; problems?: readonly { code: string }[] }): readonly string[] {
  return outcome.problems?.map(problem => problem.code) ?? []
}

function aaaa(tunnel: Tunnel): string | undefined {
  const rdata = world.catalog.rrset(wireName(`${tunnel.nicname}.${tunnel.country}.${ORIGIN}`), TYPE.AAAA)
    ?.rdatas[0]
  return rdata && formatIpv6(rdata)
}

function ptr(tunnel: Tunnel): string | undefined {
  const rdata = world.catalog.rrset(wireName(reverseName(tunnel.ipv6Client)), TYPE.PTR)?.rdatas[0]
  return rdata && formatName(rdata)
}

function serials(): readonly number[] {
  return [ORIGIN, world.zone.reverseApex].map(apex =>
    soaSerial(world.catalog.rrset(wireName(apex), TYPE.SOA)?.rdatas[0] ?? assert.fail()),
  )
}

/** One that has been heard. */
async function activeTunnel(n = 7): Promise<Tunnel> {
  const tunnel = tunnelOf(await registerOne(world.lifecycle, request(n)))
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  return tunnel
}

async function miss(tunnel: Tunnel): Promise<number> {
  return (await world.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })).removed
}

test('a registration whose interface the kernel refuses is a row with −1, no interface, no name', async () => {
  world.kernel.refusing.set('fn6-0', 'not now')
  const tunnel = tunnelOf(await registerOne(world.lifecycle, request(7)))
  assert.equal(tunnel.unreachable, -1)
  assert.equal(world.table.byId(tunnel.id)?.unreachable, -1)
  assert.equal(world.kernel.links.size, 0)
  assert.equal(aaaa(tunnel), undefined)
  assert.equal(ptr(tunnel), undefined)
  assert.equal(world.registrations, 1)
})

test('a registration is done when its interface is made, 0 is set, and AAAA and PTR are answered', async () => {
  const tunnel = tunnelOf(await registerOne(world.lifecycle, request(7)))
  assert.equal(tunnel.unreachable, 0)
  assert.equal(world.table.byId(tunnel.id)?.unreachable, 0)
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, '198.51.100.7')
  assert.equal(aaaa(tunnel), formatIpv6(tunnel.ipv6Client))
  assert.equal(ptr(tunnel), 'host7.ca.freenet6.net.')
})

test('the key is not in the database, and only the right one opens', async () => {
  const registration = await registerOne(world.lifecycle, request(7))
  assert.equal(registration.kind, 'registered')
  if (registration.kind !== 'registered') return
  assert.match(registration.key, /^[0-9a-f]{32}$/)
  assert.ok(world.table.keyMatches(registration.tunnel.id, registration.key))
  assert.ok(
    !world.table.keyMatches(registration.tunnel.id, `${registration.key.slice(1)}0`.replace(/^0/, '1')),
  )
  assert.ok(!world.table.keyMatches('nobody', registration.key))
  const row = JSON.stringify(world.connection.prepare('SELECT * FROM tunnels').all())
  assert.ok(!row.includes(registration.key))
})

test('an endpoint can have one tunnel only, a name belongs to one', async () => {
  await registerOne(world.lifecycle, request(7))
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, { ...request(7), nicname: 'other' })), [
    'ipv4-in-use',
  ])
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, { ...request(8), nicname: 'host7' })), [
    'nicname-taken',
  ])
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, request(7))), ['ipv4-in-use', 'nicname-taken'])
  assert.equal(world.table.count(), 1)
})

test('of many registrations in one transaction each has its own outcome', async () => {
  const outcomes = await Promise.all(
    [request(1), request(1), request(2)].map(each => registerOne(world.lifecycle, each)),
  )
  const kinds = outcomes.map(outcome => outcome.kind)
  assert.deepEqual(kinds, ['registered', 'refused', 'registered'])
})

test('a full pool refuses and leaves nothing behind', async () => {
  world.end()
  world = await World.open({ prefix: '2001:db8:f6::/60' })
  for (let n = 1; n <= 16; n++) tunnelOf(await registerOne(world.lifecycle, request(n)))
  assert.deepEqual(codesOf(await registerOne(world.lifecycle, request(17))), ['pool-full'])
  assert.equal(world.table.count(), 16)
})

test('max_tunnels is a limit, within one transaction too', async () => {
  world.end()
  world = await World.open({ maxTunnels: 2 })
  const outcomes = await Promise.all([1, 2, 3].map(n => registerOne(world.lifecycle, request(n))))
  const kinds = outcomes.map(outcome => outcome.kind)
  assert.deepEqual(kinds, ['registered', 'registered', 'refused'])
})

test('a disk that is full refuses and leaves nothing behind', async () => {
  const outcomes = await world.withFullDisk(async () => {
    const all: Registration[] = []
    for (let n = 0; n < 200; n++)
      all.push(await registerOne(world.lifecycle, { ...request(1), ipv4: `198.18.0.${n}`, nicname: `x${n}` }))
    return all
  })
  const full = outcomes.filter(outcome => codesOf(outcome)[0] === 'storage-full')
  const taken = outcomes.filter(outcome => outcome.kind === 'registered')
  assert.ok(full.length > 0, 'the disk never filled')
  assert.equal(world.table.count(), taken.length)
  assert.equal(
    tunnelOf(await registerOne(world.lifecycle, request(9))).device,
    `fn6-${taken.length}`,
    'no index was lost',
  )
})

test('a row that another program wrote does not stop a registration', async () => {
  const shell = new DatabaseSync(join(world.directory, 'data', 'freenet6.db'))
  shell.exec(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
    VALUES ('byhand', '198.51.100.200', '2001:db8:f6::2', '2001:db8:f6::1', 'fn6-0', 'byhand', 'ca', 'linux', 1, 0, x'00')`)
  shell.close()
  assert.equal(tunnelOf(await registerOne(world.lifecycle, request(7))).device, 'fn6-1')
})

test('a tunnel that the kernel refuses stays new, says why, and is made later', async () => {
  world.kernel.refusing.set('fn6-0', 'No buffer space available')
  const tunnel = tunnelOf(await registerOne(world.lifecycle, request(7)))
  assert.deepEqual(await world.lifecycle.bringUpNew(), { activated: 0, failed: 1 })
  assert.equal(world.table.byId(tunnel.id)?.unreachable, -1)
  assert.equal(world.lifecycle.faultOf(tunnel.id), 'No buffer space available')
  assert.equal(aaaa(tunnel), undefined)
  world.kernel.refusing.clear()
  assert.deepEqual(await world.lifecycle.bringUpNew(), { activated: 1, failed: 0 })
  assert.equal(world.lifecycle.faultOf(tunnel.id), undefined)
})

test('missed echoes are counted, an answer sets the count back, and the name stays', async () => {
  const tunnel = await activeTunnel()
  await miss(tunnel)
  await miss(tunnel)
  assert.equal(world.table.byId(tunnel.id)?.unreachable, 2)
  assert.equal(aaaa(tunnel), formatIpv6(tunnel.ipv6Client))
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  assert.equal(world.table.byId(tunnel.id)?.unreachable, 0)
})

test('over the threshold interface, row and names go together', async () => {
  const tunnel = await activeTunnel()
  assert.deepEqual([await miss(tunnel), await miss(tunnel), await miss(tunnel)], [0, 0, 1])
  assert.equal(world.table.byId(tunnel.id), undefined)
  assert.equal(world.kernel.links.size, 0)
  assert.equal(aaaa(tunnel), undefined)
  assert.equal(ptr(tunnel), undefined)
})

test('a tunnel whose interface can not be removed keeps its row, and goes in a later round', async () => {
  const tunnel = await activeTunnel()
  world.kernel.refusing.set(tunnel.device, 'Device or resource busy')
  for (let i = 0; i < 3; i++) await miss(tunnel)
  assert.equal(aaaa(tunnel), formatIpv6(tunnel.ipv6Client))
  world.kernel.refusing.clear()
  assert.equal(await miss(tunnel), 1)
})

test('an address pair that was freed rests for longer than the TTL, over a restart too', async () => {
  const tunnel = await activeTunnel()
  assert.equal((await world.lifecycle.delete(tunnel.id)).kind, 'deleted')
  world.now += TTL
  world = await world.restart()
  assert.equal(tunnelOf(await registerOne(world.lifecycle, request(8))).device, 'fn6-1')
  world.now += TTL
  assert.equal(tunnelOf(await registerOne(world.lifecycle, request(9))).device, 'fn6-0')
})

test('deletions of one turn share a serial, and each has its own outcome', async () => {
  const [first, second] = [await activeTunnel(7), await activeTunnel(8)]
  const before = serials()
  const outcomes = await Promise.all(
    [first.id, 'nobody', second.id, first.id].map(id => world.lifecycle.delete(id)),
  )
  assert.deepEqual(
    outcomes.map(outcome => outcome.kind),
    ['deleted', 'refused', 'deleted', 'refused'],
  )
  assert.deepEqual(
    serials(),
    before.map(serial => serial + 1),
  )
  assert.deepEqual([aaaa(first), ptr(second)], [undefined, undefined])
})

test('registrations of one turn share a transaction, and each has its own outcome', async () => {
  const outcomes = await Promise.all([1, 2, 1].map(n => registerOne(world.lifecycle, request(n))))
  assert.deepEqual(
    outcomes.map(outcome => (outcome.kind === 'registered' ? outcome.tunnel.nicname : outcome.kind)),
    ['host1', 'host2', 'refused'],
  )
  assert.equal(world.table.count(), 2)
})

test('the same visitor can register again after deletion', async () => {
  const tunnel = await activeTunnel()
  await world.lifecycle.delete(tunnel.id)
  assert.equal((await registerOne(world.lifecycle, request(7))).kind, 'registered')
})

test('a change of endpoint moves interface and row; the names stay', async () => {
  const tunnel = await activeTunnel()
  const before = serials()
  const change = await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.77')
  assert.equal(change.kind, 'changed')
  assert.equal(world.kernel.links.get(tunnel.device)?.ipv4Client, '198.51.100.77')
  assert.equal(world.table.byId(tunnel.id)?.ipv4Client, '198.51.100.77')
  assert.deepEqual(serials(), before, 'nothing changed in DNS')
  assert.equal((await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.77')).kind, 'unchanged')
})

test('a change to an endpoint in use, or that the kernel refuses, changes nothing', async () => {
  const tunnel = await activeTunnel(7)
  await activeTunnel(8)
  assert.deepEqual(codesOf(await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.8')), ['ipv4-in-use'])
  world.kernel.refusing.set(tunnel.device, 'no')
  assert.deepEqual(codesOf(await world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.9')), [
    'interface-fault',
  ])
  assert.equal(world.table.byId(tunnel.id)?.ipv4Client, '198.51.100.7')
  assert.deepEqual(codesOf(await world.lifecycle.changeEndpoint('nobody', '198.51.100.9')), ['not-found'])
})

test('a move whose row can not be written is taken back: the interface points where the row says', async () => {
  // Short endpoints fill a page of their index; long ones in their place need a further page.
  const requests = Array.from({ length: 250 }, (_, n) => ({ ...request(n), ipv4: `1.0.0.${n}` }))
  const tunnels = (await Promise.all(requests.map(each => registerOne(world.lifecycle, each)))).map(tunnelOf)
  await world.lifecycle.bringUpNew()
  const refused = await world.withFullDisk(async () => {
    for (const [n, tunnel] of tunnels.entries()) {
      const change = await world.lifecycle.changeEndpoint(tunnel.id, `198.151.100.${n}`)
      if (change.kind === 'refused') return { tunnel, change }
    }
    return assert.fail('the disk never filled')
  })
  assert.deepEqual(codesOf(refused.change), ['storage-full'])
  const { id, device } = refused.tunnel
  const row = world.table.byId(id)
  assert.equal(row?.ipv4Client, refused.tunnel.ipv4Client)
  assert.equal(world.kernel.links.get(device)?.ipv4Client, row?.ipv4Client)
})

test('two changes to the same endpoint at once: one wins', async () => {
  const [a, b] = [await activeTunnel(7), await activeTunnel(8)]
  const changes = await Promise.all(
    [a, b].map(tunnel => world.lifecycle.changeEndpoint(tunnel.id, '198.51.100.99')),
  )
  assert.deepEqual(
    changes.map(change => change.kind),
    ['changed', 'refused'],
  )
})

test('a tunnel deleted twice at once is deleted once', async () => {
  const tunnel = await activeTunnel()
  const outcomes = await Promise.all([world.lifecycle.delete(tunnel.id), world.lifecycle.delete(tunnel.id)])
  assert.deepEqual(outcomes.map(outcome => outcome.kind).sort(), ['deleted', 'refused'])
  assert.equal(world.table.count(), 0)
})

test('each commit that changes DNS has one serial, later than the one before, over a restart too', async () => {
  const seen = [serials()]
  const tunnel = await activeTunnel(7)
  seen.push(serials())
  await activeTunnel(8)
  seen.push(serials())
  world = await world.restart()
  assert.deepEqual(serials(), seen.at(-1), 'the contents are the same')
  await world.lifecycle.delete(tunnel.id)
  seen.push(serials())
  for (const column of [0, 1]) {
    const numbers = seen.map(pair => pair[column] ?? 0)
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
  }
})

test('static data wins: a name that stands in the zone, above data of it, or under a cut is never a tunnel’s', async () => {
  world.end()
  world = await World.open({
    statics: 'Static.ca A 192.0.2.1\na.deep.ca A 192.0.2.1\nfr NS ns.example.org.\n',
  })
  assert.ok(world.zone.isReserved('static', 'ca'))
  assert.ok(world.zone.isReserved('deep', 'ca'))
  assert.ok(world.zone.isReserved('anything', 'fr'))
  assert.ok(!world.zone.isReserved('free', 'ca'))
})

test('reconciliation makes what the kernel lost and removes what no tunnel has', async () => {
  const tunnel = await activeTunnel()
  world.kernel.links.clear()
  world.kernel.links.set('fn6-99', { device: 'fn6-99', ipv4Client: '', ipv6Client: '', ipv6Server: '' })
  const mended = await world.lifecycle.reconcile()
  assert.deepEqual([mended.made, mended.removed], [[tunnel.device], ['fn6-99']])
})

test('the audit finds no difference after commits', async () => {
  for (let n = 1; n <= 20; n++) await activeTunnel(n)
  assert.deepEqual(await world.audit.run(), { tunnels: 20, differences: 0 })
})

test('what an audit healed is counted although another was asked for meanwhile', async () => {
  await activeTunnel(1)
  world.edit('DELETE FROM tunnels')
  const reports = await Promise.all([world.audit.run(), world.audit.run()])
  assert.deepEqual(
    reports.map(({ differences }) => differences),
    [2, 2],
  )
})

test('rows edited by another program are published by the audit, both ways, with a new serial', async () => {
  const [kept, gone, renamed] = [await activeTunnel(1), await activeTunnel(2), await activeTunnel(3)]
  const before = serials()
  const shell = new DatabaseSync(join(world.directory, 'data', 'freenet6.db'))
  shell.prepare('DELETE FROM tunnels WHERE id = ?').run(gone.id)
  shell.prepare("UPDATE tunnels SET nicname = 'new-name' WHERE id = ?").run(renamed.id)
  shell.close()
  const { differences } = await world.audit.run()
  assert.ok(differences >= 4, String(differences))
  assert.equal(aaaa(kept), formatIpv6(kept.ipv6Client))
  assert.equal(aaaa(gone), undefined)
  assert.equal(ptr(gone), undefined)
  assert.equal(aaaa(renamed), undefined)
  assert.equal(aaaa({ ...renamed, nicname: 'new-name' }), formatIpv6(renamed.ipv6Client))
  assert.equal(ptr(renamed), 'new-name.ca.freenet6.net.')
  assert.ok((serials()[0] ?? 0) > (before[0] ?? 0))
  assert.equal((await world.audit.run()).differences, 0)
})

test('a row that can not stand in DNS is left out and the others stay', async () => {
  const tunnel = await activeTunnel(1)
  const shell = new DatabaseSync(join(world.directory, 'data', 'freenet6.db'))
  shell.exec(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
    VALUES ('odd', '198.51.100.200', '2001:db8:ffff::2', '2001:db8:ffff::1', 'odd', 'a b', 'ca', 'linux', 1, 0, x'00')`)
  shell.close()
  assert.deepEqual(await world.audit.run(), { tunnels: 1, differences: 0 })
  assert.equal(aaaa(tunnel), formatIpv6(tunnel.ipv6Client))
})

test('a crowd of registrations shares calls of the kernel, and each is answered when its name is', async () => {
  let calls = 0
  const { create } = world.kernel
  world.kernel.create = links => {
    calls++
    return create.call(world.kernel, links)
  }
  const crowd = Array.from({ length: 50 }, (_, n) => registerOne(world.lifecycle, request(n)))
  const tunnels = (await Promise.all(crowd.map(async one => tunnelOf(await one)))).map(tunnel => ({
    tunnel,
    address: aaaa(tunnel),
  }))
  for (const { tunnel, address } of tunnels) assert.equal(address, formatIpv6(tunnel.ipv6Client))
  assert.ok(calls <= 5, `${calls} calls`)
})

test('a registration whose interface takes longer than a second is answered as new, and is up later', async () => {
  const slow = Promise.withResolvers<void>()
  const { create } = world.kernel
  world.kernel.create = async links => {
    await slow.promise
    return create.call(world.kernel, links)
  }
  const tunnel = tunnelOf(await registerOne(world.lifecycle, request(7)))
  assert.equal(tunnel.unreachable, -1)
  assert.equal(aaaa(tunnel), undefined)
  slow.resolve()
  await world.lifecycle.bringUpNew()
  assert.equal(aaaa(tunnel), formatIpv6(tunnel.ipv6Client))
})
