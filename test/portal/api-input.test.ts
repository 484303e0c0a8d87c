/** All that is wrong with what a program sends comes together, and each problem names its field. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { bearer, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'

suite('what is wrong with a registration', () => {
  let world: PortalWorld
  before(async () => {
    world = await PortalWorld.open(LAB)
  })
  after(() => world[Symbol.asyncDispose]())

  const CASES: readonly (readonly [what: string, body: object, wrong: readonly string[]])[] = [
    [
      'two fields that are none, and an endpoint that is no address',
      { ...GOOD, foo: 1, bar: 2, ipv4: 'x' },
      ['field-unknown foo', 'field-unknown bar', 'ipv4-syntax ipv4'],
    ],
    [
      'a number as an endpoint, and a wrong name',
      { ...GOOD, ipv4: 5, nicname: '-' },
      ['ipv4-syntax ipv4', 'nicname-syntax nicname'],
    ],
    [
      'a list as the name of a kind, and a wrong country',
      { ...GOOD, kind: ['sit'], country: 'zz' },
      ['kind-unknown kind', 'country-unknown country'],
    ],
    ['null as the name of a kind', { ...GOOD, kind: null }, ['kind-unknown kind']],
    [
      'a text for the routed prefix, an MTU too small, and a number as an address for mail',
      { ...GOOD, routed_prefix: 'yes', mtu: 12, email: 7 },
      ['email-syntax email', 'routed-prefix-syntax routed_prefix', 'mtu-range mtu'],
    ],
    [
      'falsy values as addresses',
      { ...GOOD, email: 0, webhook: false },
      ['email-syntax email', 'webhook-syntax webhook'],
    ],
    [
      'a public key for a kind that has none, and a wrong address for mail',
      { ...GOOD, public_key: 'x', email: 'nowhere' },
      ['field-unknown public_key', 'email-syntax email'],
    ],
    [
      'an endpoint for a kind that has none, and a number as its key',
      { ...GOOD, kind: 'wireguard', public_key: 7, nicname: '-' },
      ['field-unknown ipv4', 'public-key-syntax public_key', 'nicname-syntax nicname'],
    ],
  ]
  for (const [what, body, wrong] of CASES) {
    test(`comes together: ${what}`, async () => {
      const { status, errors } = problemIn(await world.askJson(TUNNELS, 'POST', body))
      assert.equal(status, 400)
      assert.deepEqual(
        errors.map(({ code, field }) => `${code} ${field}`),
        wrong,
      )
      assert.equal(world.broker.table.count(), 0)
    })
  }

  test('comes together of a change, too, and nothing is changed', async () => {
    const { id, key } = await world.register({ ipv4: '192.0.2.90', nicname: 'changed' })
    const change = { foo: 1, ipv4: 7, email: 'nowhere', webhook: [] }
    const answer = await world.askJson(`${TUNNELS}/${id}`, 'PATCH', change, bearer(key))
    assert.deepEqual(
      problemIn(answer).errors.map(({ code, field }) => `${code} ${field}`),
      ['field-unknown foo', 'ipv4-syntax ipv4', 'webhook-syntax webhook', 'email-syntax email'],
    )
    assert.equal(world.broker.table.byId(id)?.ipv4Client, '192.0.2.90')
    assert.equal(world.broker.table.contactOf(id), undefined)
  })

  test('keeps a tunnel that would come back where it is', async () => {
    const home = { ...GOOD, ipv4: '127.0.0.1', nicname: 'grace' } // where the tests come from
    const { id } = await world.register(home)
    await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
    for (let round = 0; round < 6; round++)
      await world.broker.lifecycle.recordRound({ answered: [], silent: [id] })
    const answer = await world.askJson(TUNNELS, 'POST', { ...home, os: 7, foo: 1 })
    assert.deepEqual(
      problemIn(answer).errors.map(({ code }) => code),
      ['field-unknown', 'os-unknown'],
    )
    assert.ok(world.broker.table.dormant.byId(id))
  })
})
