import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { bearer, LAB, PortalWorld } from './portal-world.ts'

suite('the status page', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open(LAB, { kernel: new FakeKernel() })
    const one = await world.register({ nicname: 'one' })
    await world.register({ ipv4: '192.0.2.78', nicname: 'two', country: 'fr' })
    await world.register({ ipv4: '192.0.2.79', nicname: 'three', country: 'fr' })
    const gone = await world.register({ ipv4: '192.0.2.80', nicname: 'gone' })
    await world.ask(`/api/v1/tunnels/${gone.id}`, { method: 'DELETE', headers: bearer(gone.key) })
    await world.broker.lifecycle.recordRound({ answered: [one.id], silent: [] })
    const answered = new Map([
      [one.id, 12],
      ['b', 700],
    ])
    world.broker.history.record({ answered, silent: ['c'] })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  test('has tunnels by country and state, the countries in the visitor’s language', async () => {
    const { text } = await world.ask('/status')
    assert.match(text, /<th scope="row">France<\/th><td>0<\/td><td>0<\/td><td>2<\/td>/)
    assert.match(text, /<th scope="row">Canada<\/th><td>1<\/td><td>0<\/td><td>0<\/td>/)
    const french = await world.ask('/status', { headers: { 'accept-language': 'fr' } })
    assert.match(french.text, /Tunnels par pays/)
  })

  test('has what came and went today, and the round trips of the last round', async () => {
    const { text } = await world.ask('/status')
    assert.match(text, /<td>today<\/td><td>4<\/td><td>1<\/td>/)
    assert.match(text, /2 of 3 tunnels answered/)
    assert.match(text, /<td>up to 20 ms<\/td><td>1<\/td>/)
    assert.match(text, /<td>above 500 ms<\/td><td>1<\/td>/)
  })

  test('says whether the nameserver answers, and not to everybody what is wrong', async () => {
    assert.match((await world.ask('/status')).text, /The nameserver answers/)
    world.reasons.push('192.0.2.53:53 does not answer')
    const { text, status } = await world.ask('/status')
    world.reasons.pop()
    assert.equal(status, 200)
    assert.match(text, /Something is wrong on our side/)
    assert.ok(!text.includes('192.0.2.53'))
  })

  test('names no tunnel: no address of an endpoint, no name, no id', async () => {
    const { text } = await world.ask('/status')
    assert.doesNotMatch(text, /192\.0\.2\.7\d|one\.ca|two\.fr/)
    for (const tunnel of world.broker.table.after('', 10).rows) {
      assert.ok(!text.includes(tunnel.id))
      assert.ok(!text.includes(formatIpv6(tunnel.ipv6Client)))
    }
  })

  test('does not say that there are no tunnels when they could not be counted', async () => {
    await using fresh = await PortalWorld.open()
    fresh.broker.table.countByCountry = () => assert.fail('the disk')
    const { text, status } = await fresh.ask('/status')
    assert.equal(status, 200)
    assert.match(text, /How many there are is not known/)
    assert.ok(!text.includes('There are no tunnels yet'))
  })

  test('is there before the first tunnel and the first round', async () => {
    await using fresh = await PortalWorld.open()
    const { text, status } = await fresh.ask('/status')
    assert.equal(status, 200)
    assert.match(text, /There are no tunnels yet[\s\S]*<td>today<\/td><td>0<\/td><td>0<\/td>/)
    assert.match(text, /No round of pings has been counted/)
    assert.deepEqual(fresh.faults, [])
  })

  test('no request was a fault', () => {
    assert.deepEqual(world.faults, [])
  })
})
