import assert from 'node:assert/strict'
import { test } from 'node:test'
import packet from 'dns-packet'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { COUNTRIES } from '../../src/registration/country.ts'
import { heard } from './stages.ts'
import { ORIGIN, World } from './world.ts'

function ask(world: World, name: string, type: packet.RecordType = 'AAAA') {
  const nameserver = new Nameserver({ catalog: world.catalog, nsid: '', version: '', hostname: '' })
  const query = packet.encode({ type: 'query', id: 1, questions: [{ name: `${name}.${ORIGIN}`, type }] })
  const reply = Buffer.alloc(65_535)
  const length = nameserver.respond(query, query.length, reply, new Client('tcp'))
  const decoded = packet.decode(reply.subarray(0, length)) as packet.DecodedPacket & { rcode: string }
  return `${decoded.rcode} ${decoded.answers?.length}`
}

async function inWorld(statics: string, check: (world: World) => Promise<void> | void): Promise<void> {
  const world = await World.open({ statics })
  try {
    await check(world)
  } finally {
    world.end()
  }
}

test('every country’s name exists before its first tunnel and after its last, and what is below it does not', () =>
  inWorld('', async world => {
    assert.equal(COUNTRIES.length, 249)
    for (const { code } of COUNTRIES) assert.equal(ask(world, code), 'NOERROR 0', code)
    assert.equal(ask(world, 'host7.ca'), 'NXDOMAIN 0')
    assert.equal(ask(world, 'xx'), 'NXDOMAIN 0')
    const { tunnel } = await heard(world)
    assert.equal(ask(world, 'host7.ca'), 'NOERROR 1')
    await world.lifecycle.delete(tunnel.id)
    assert.equal(ask(world, 'ca'), 'NOERROR 0')
    assert.equal(ask(world, 'host7.ca'), 'NXDOMAIN 0')
    assert.deepEqual(await world.audit.run(), { tunnels: 0, differences: 0 })
  }))

test('no name of a tunnel is reserved by them', () =>
  inWorld('', world => {
    for (const { code } of COUNTRIES) assert.ok(!world.zone.isReserved('host7', code))
  }))

test('what the zone file has at a country’s name, below it or in place of all stays as it is', async () => {
  await inWorld('CA TXT "ours"\nwww.fr A 192.0.2.1\nde NS ns.example.net.', world => {
    assert.equal(world.catalog.walk(world.zone.names.forwardApex, undefined, 1000).length, 249 - 3 + 5)
    assert.equal(ask(world, 'ca', 'TXT'), 'NOERROR 1')
    assert.equal(ask(world, 'fr', 'TXT'), 'NOERROR 0')
    assert.equal(ask(world, 'de', 'TXT'), 'NOERROR 0')
  })
  await inWorld('* A 192.0.2.1', world => {
    assert.equal(ask(world, 'ca', 'A'), 'NOERROR 1')
    assert.equal(ask(world, 'host7.ca', 'A'), 'NOERROR 1')
  })
})
