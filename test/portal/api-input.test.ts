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

  const CHANGES: readonly (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [
    [
      { foo: 1, ipv4: 7, email: 'nowhere', webhook: [] },
      ['field-unknown foo', 'ipv4-syntax ipv4', 'webhook-syntax webhook', 'email-syntax email'],
    ],
    [{ foo: 1, ipv4: '300.1.1.1' }, ['field-unknown foo', 'ipv4-syntax ipv4']],
    [{ foo: 1, ipv4: '224.0.0.1' }, ['field-unknown foo', 'ipv4-special ipv4']],
    [{ foo: 1, ipv4: '192.0.2.100' }, ['field-unknown foo', 'ipv4-in-use ipv4']],
    [{ foo: 1, ipv4: '192.0.2.92' }, ['field-unknown foo']],
    [{ ipv4: '300.1.1.1', email: 'nowhere' }, ['ipv4-syntax ipv4', 'email-syntax email']],
    [{ ipv4: '300.1.1.1', email: 'me@example.org' }, ['ipv4-syntax ipv4']],
    [{ mtu: 12, foo: 1 }, ['field-unknown foo', 'mtu-range mtu']],
    [{ routed_prefix: '/60', foo: 1 }, ['field-unknown foo', 'routed-prefix-syntax routed_prefix']],
    [
      { mtu: 12, ipv4: '300.1.1.1', email: 'nowhere' },
      ['one-change undefined', 'ipv4-syntax ipv4', 'mtu-range mtu', 'email-syntax email'],
    ],
    [{ mtu: 1400, routed_prefix: true }, ['one-change undefined', 'routed-prefix-none undefined']],
  ]
  for (const [change, wrong] of CHANGES) {
    test(`comes together of a change, too, and nothing is changed: ${JSON.stringify(change)}`, async () => {
      const octet = 100 + CHANGES.findIndex(([one]) => one === change)
      const ipv4 = `192.0.2.${octet}`
      const { id, key } = await world.register({ ipv4, nicname: `changed-${octet}` })
      const answer = await world.askJson(`${TUNNELS}/${id}`, 'PATCH', change, bearer(key))
      assert.deepEqual(
        problemIn(answer).errors.map(({ code, field }) => `${code} ${field}`),
        wrong,
      )
      assert.equal(world.broker.table.byId(id)?.ipv4Client, ipv4)
      assert.equal(world.broker.table.contactOf(id), undefined)
    })
  }

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
