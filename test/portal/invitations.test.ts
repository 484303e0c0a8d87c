import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { Invitations } from '../../src/operator/invitations.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { cookieIn, GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const INVITED = LAB.replace('[web]', '[web]\ninvitations = "required"')
const START = 1_800_000_000

suite('where registering takes an invitation', () => {
  let world: PortalWorld
  let invitations: Invitations

  beforeEach(async () => {
    world = await PortalWorld.open(INVITED, { kernel: new FakeKernel() })
    invitations = new Invitations(world.broker.store, () => Math.floor(Date.now() / 1000))
  })
  afterEach(() => world[Symbol.asyncDispose]())

  async function invite({ uses = 1, seconds }: { readonly uses?: number; readonly seconds?: number } = {}) {
    const outcome = await invitations.add({ uses, seconds, note: '' })
    return outcome.kind === 'done' ? outcome.value : assert.fail(JSON.stringify(outcome))
  }

  function register(input: object) {
    return world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, ...input })
  }

  async function codesFor(input: object): Promise<readonly (string | undefined)[]> {
    return problemIn(await register(input)).errors.map(({ code, field }) => `${field}: ${code}`)
  }

  const usedOf = (id: string) => world.broker.store.invitations.byId(id)?.used

  test('nobody registers without one, or with one that there is not; other mistakes are told with it', async () => {
    assert.deepEqual(await codesFor({}), ['invitation: invitation-required'])
    assert.deepEqual(await codesFor({ invitation: 'please' }), ['invitation: invitation-unknown'])
    const { code } = await invite()
    const wrong = `${code.slice(0, -1)}${code.endsWith('a') ? 'b' : 'a'}`
    assert.deepEqual(await codesFor({ invitation: wrong, os: 'plan9' }), [
      'invitation: invitation-unknown',
      'os: os-unknown',
    ])
    assert.deepEqual(await codesFor({ invitation: 7 }), ['invitation: invitation-unknown'])
    assert.equal(world.broker.table.count(), 0)
  })

  test('a code is good for as many tunnels as it says, however it is typed', async () => {
    const { id, code } = await invite({ uses: 2 })
    assert.match(code, /^[a-z0-9]{6}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}$/)
    assert.equal((await register({ invitation: ` ${code.toUpperCase()} ` })).status, 201)
    const second = { ipv4: '192.0.2.78', nicname: 'bob', invitation: code.replaceAll('-', '') }
    assert.equal((await register(second)).status, 201)
    const third = { ipv4: '192.0.2.79', nicname: 'carol', invitation: code }
    assert.deepEqual(await codesFor(third), ['invitation: invitation-used-up'])
    assert.equal(usedOf(id), 2)
  })

  test('of two who register at once with the last use, one does', async () => {
    const { id, code } = await invite()
    const both = await Promise.all([
      register({ invitation: code }),
      register({ ipv4: '192.0.2.78', nicname: 'bob', invitation: code }),
    ])
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 403])
    assert.deepEqual([usedOf(id), world.broker.table.count()], [1, 1])
  })

  test('two that were both admitted with the last use are told apart by the table', async () => {
    const { id } = await invite()
    const works = ['bob', 'carol'].map((nicname, n) =>
      world.broker.lifecycle.register({
        ...GOOD,
        nicname,
        ipv4: `192.0.2.8${n}`,
        kind: { name: 'sit' },
        invitation: id,
      }),
    )
    const outcomes = await Promise.all(works)
    const codes = outcomes.flatMap(one =>
      one.kind === 'refused' ? one.problems.map(({ code }) => code) : [],
    )
    assert.deepEqual(codes, ['invitation-used-up'])
    assert.deepEqual([usedOf(id), world.broker.table.count()], [1, 1])
  })

  test('a registration that fails uses nothing up: not a refused one, not one that the table undoes', async () => {
    const { id, code } = await invite({ uses: 2 })
    assert.equal((await register({ invitation: code })).status, 201)
    const again = { ipv4: '192.0.2.78', invitation: code } // the name is taken
    assert.deepEqual(await codesFor(again), ['nicname: nicname-taken'])
    const works = [
      world.broker.lifecycle.register({
        ...GOOD,
        nicname: 'race',
        ipv4: '192.0.2.80',
        kind: { name: 'sit' },
        invitation: id,
      }),
      world.broker.lifecycle.register({
        ...GOOD,
        nicname: 'race',
        ipv4: '192.0.2.81',
        kind: { name: 'sit' },
        invitation: id,
      }),
    ]
    assert.deepEqual((await Promise.all(works)).map(({ kind }) => kind).sort(), ['refused', 'registered'])
    assert.equal(usedOf(id), 2)
  })

  test('it ends at its time, and when it is revoked; tunnels that were registered stay', async () => {
    const ended = await invite({ seconds: -1 })
    assert.deepEqual(await codesFor({ invitation: ended.code }), ['invitation: invitation-expired'])
    const { id, code } = await invite({ uses: 9 })
    const { id: tunnel } = await world.register({ invitation: code })
    await invitations.revoke(id)
    const another = { ipv4: '192.0.2.78', nicname: 'bob', invitation: code }
    assert.deepEqual(await codesFor(another), ['invitation: invitation-unknown'])
    assert.ok(world.broker.table.byId(tunnel))
    assert.equal((await invitations.revoke(id)).kind, 'refused')
  })

  test('guesses are few, and right codes are none', async () => {
    const { code } = await invite({ uses: 100 })
    for (let n = 0; n < 15; n++) {
      const right = { ipv4: `192.0.2.${100 + n}`, nicname: `n${n}`, invitation: code }
      assert.equal((await register(right)).status, 201)
    }
    for (let n = 0; n < 10; n++)
      assert.deepEqual(await codesFor({ invitation: `guess${n}` }), ['invitation: invitation-unknown'])
    const late = await register({ invitation: code })
    assert.equal(problemIn(late).code, 'too-many-requests')
    assert.ok(Number(late.headers['retry-after']) > 0)
  })

  test('its code is not kept: the table has a hash', async () => {
    const { code } = await invite()
    const file = world.broker.store.invitations.after('', 10)
    assert.ok(!JSON.stringify(file).includes(code.slice(7)))
  })

  test('the form asks for it, keeps what was typed, and leads to the tunnel; the first page says so', async () => {
    const home = await world.ask('/', { headers: { accept: 'text/html' } })
    assert.match(home.text, /you need a code to register/)
    const form = await world.ask('/register/linux', { headers: { accept: 'text/html' } })
    assert.match(form.text, /<input id="invitation" name="invitation" value=""/)
    const refused = await world.post('/register', { ...GOOD, invitation: 'xyz' })
    assert.equal(refused.status, 403)
    assert.match(refused.text, /name="invitation" value="xyz"[^>]*aria-invalid="true"/)
    const { code } = await invite()
    const answer = await world.post('/register', { ...GOOD, invitation: code })
    assert.equal(answer.status, 303)
    assert.ok(cookieIn(answer).cookie)
  })
})

test('where it takes none, no form asks for it and a code that is sent is neither looked at nor used up', async () => {
  await using world = await PortalWorld.open()
  const invitations = new Invitations(world.broker.store, () => START)
  const added = await invitations.add({ uses: 1, seconds: 60, note: 'for Bob' })
  const { code, id } = added.kind === 'done' ? added.value : assert.fail()
  const form = await world.ask('/register/linux', { headers: { accept: 'text/html' } })
  assert.doesNotMatch(form.text, /invitation/)
  await world.register({ invitation: code })
  await world.register({ ipv4: '192.0.2.78', nicname: 'bob', invitation: 'none of ours' })
  const sent = await world.post('/register', {
    ...GOOD,
    ipv4: '192.0.2.79',
    nicname: 'carol',
    invitation: code,
  })
  assert.equal(sent.status, 303)
  const noText = await world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, nicname: 'dave', invitation: 7 })
  assert.equal(problemIn(noText).code, 'invitation-unknown', 'a mistake in the request stays one')
  assert.equal(world.broker.store.invitations.byId(id)?.used, 0)
  assert.deepEqual(invitations.list('', 10), [
    { id, uses: 1, used: 0, expires: START + 60, created: START, note: 'for Bob', state: 'open' },
  ])
})
