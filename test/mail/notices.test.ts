import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, test } from 'node:test'
import type { Handover, Letter } from '../../src/mail/carrier.ts'
import { Confirmations } from '../../src/mail/confirmations.ts'
import { ContactWishes } from '../../src/mail/contact-wishes.ts'
import type { Deliveries } from '../../src/mail/deliveries.ts'
import { EndWarnings } from '../../src/mail/end-warnings.ts'
import { type HandoverCounts, noHandovers } from '../../src/mail/handover-counts.ts'
import { RefusedTargets } from '../../src/mail/refused-targets.ts'
import { WebhookRules } from '../../src/mail/webhook-rules.ts'
import type { Contact, WayName } from '../../src/tunnel/contact.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'
import { openPost } from './post.ts'

const HOUR = 3600
const DAY = 24 * HOUR
const NO_WEBHOOKS = new WebhookRules({ hosts: [], allowHttp: false })
/** Of a letter, without the name. */
const PARTED = 'Nothing more of is told here'
const DOWN: Handover = { kind: 'failed', reason: 'nobody answers', isDown: true }

let world: World
let letters: Letter[]
/** What becomes of the next letters before one is taken. */
let answers: Handover[]
let logged: string[]
/** What the log says besides its words, line by line. */
let facts: object[]
let handovers: HandoverCounts
let refusedTargets: RefusedTargets
let deliveries: Deliveries
let warnings: EndWarnings

beforeEach(async () => {
  world = await World.open()
  letters = []
  answers = []
  logged = []
  facts = []
  handovers = noHandovers()
  refusedTargets = new RefusedTargets()
  start()
})

afterEach(async () => {
  await stop()
  world.end()
})

function start(ways: readonly WayName[] = ['email']): void {
  const note = (about: object, words: string) => {
    facts.push(about)
    logged.push(words)
  }
  deliveries = openPost(world, {
    ways,
    answer: () => answers.shift(),
    took: letter => letters.push(letter),
    note,
    handovers,
    refusedTargets,
  })
  const { store, lifecycle } = world.broker
  warnings = new EndWarnings({ store, lifecycle, keep: 30 * DAY, log: SILENT })
}

async function stop(): Promise<void> {
  warnings.stop()
  await deliveries.stop()
}

async function crash(): Promise<void> {
  await stop()
  world = await world.crash()
  start()
  await deliveries.run()
}

async function subjects(): Promise<string[]> {
  await deliveries.run()
  return letters.splice(0).map(({ subject }) => subject.replace('alice.ca.freenet6.net ', ''))
}

function mailTo(target: string, more: { language?: string; isConfirmed?: boolean } = {}): Contact {
  const { language = 'en', isConfirmed = true } = more
  return { language, ways: [{ kind: 'email', target, isConfirmed }] }
}

const ALICE = mailTo('alice@example.org')

async function registered(contact: Contact | undefined): Promise<Tunnel> {
  const registration = await registerOne(world.lifecycle, {
    ipv4: '198.51.100.7',
    nicname: 'alice',
    country: 'ca',
    os: 'linux',
  })
  assert.ok(registration.kind === 'registered')
  const { tunnel } = registration
  await world.lifecycle.setContact(tunnel.id, () => ({ contact: contact, asking: [] }))
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  return tunnel
}

async function fallAsleep({ id }: Pick<Tunnel, 'id'>): Promise<void> {
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  for (let round = 0; round < 6; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
  assert.ok(world.table.dormant.byId(id))
}

async function asleep(contact: Contact | undefined): Promise<Tunnel> {
  const tunnel = await registered(contact)
  await fallAsleep(tunnel)
  return tunnel
}

test('an owner is told in their language when the tunnel falls asleep, with the way back and a way to stop', async () => {
  const tunnel = await asleep(mailTo('alice@example.org', { language: 'fr' }))
  await deliveries.run()
  const [letter] = letters
  assert.equal(letter?.to, 'alice@example.org')
  assert.equal(letter?.subject, 'alice.ca.freenet6.net s’est endormi')
  assert.match(letter?.text ?? '', new RegExp(`https://broker\\.example\\.net/tunnels/${tunnel.id}$`, 'm'))
  assert.match(letter?.text ?? '', new RegExp(`/notices/${tunnel.id}/[0-9a-f]{32}$`))
})

test('a host that sleeps again and again and wakes its tunnel by itself is told of once a week', async () => {
  const tunnel = await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  for (const [days, told] of [
    [1, []],
    [5, []],
    [2, ['is asleep']],
  ] as const) {
    await world.lifecycle.wake(tunnel.id)
    world.now += days * DAY
    await fallAsleep(tunnel)
    assert.deepEqual(await subjects(), told)
  }
})

test('one more comes three days before the end, once, whatever is restarted; a second sleep has its own', async () => {
  const tunnel = await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
  await crash()
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  await world.lifecycle.wake(tunnel.id)
  await fallAsleep(tunnel)
  assert.deepEqual(await subjects(), ['is asleep'])
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
})

for (const [what, keep] of [
  ['nothing', 0],
  ['an hour', 3600],
] as const)
  test(`who sleeps already is warned in time where new sleeps last ${what}`, async () => {
    await asleep(ALICE)
    assert.deepEqual(await subjects(), ['is asleep'])
    warnings.stop()
    const { store } = world.broker
    warnings = new EndWarnings({ store, lifecycle: world.lifecycle, keep, log: SILENT })
    world.now += 26 * DAY
    await warnings.look()
    assert.deepEqual(await subjects(), [])
    world.now += 2 * DAY
    await warnings.look()
    assert.deepEqual(await subjects(), ['ends soon'])
  })

test('the warning waits for who says yes after it was due, and comes to who is asked anew', async () => {
  const { id } = await asleep(mailTo('alice@example.org', { isConfirmed: false }))
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  for (const target of ['alice@example.org', 'alice@example.net']) {
    const wishes = new ContactWishes({ table: world.table, hasMail: true, webhooks: NO_WEBHOOKS })
    const { contact } = wishes.read({ email: target, language: 'en' }, id)
    await world.lifecycle.setContact(id, () => ({ contact, asking: [] }))
    await world.lifecycle.confirmContact(id, { kind: 'email', target })
    await warnings.look()
    assert.deepEqual((await subjects()).at(-1), 'ends soon')
  }
})

test('an end is not told late to whoever has registered the name again', async () => {
  await asleep(ALICE)
  await subjects()
  world.now += 31 * DAY
  answers = [DOWN]
  assert.equal(await world.lifecycle.endDormant(), 1)
  await deliveries.run()
  assert.deepEqual([answers, letters], [[], []])
  await registered(mailTo('Alice@example.org', { isConfirmed: false }))
  world.now += HOUR
  assert.deepEqual(await subjects(), [])
})

test('no link ends with a mark that mail programs take for the end of a sentence', () => {
  const confirmations = new Confirmations(world.broker.store)
  const tokens = Array.from({ length: 500 }, (_, n) =>
    confirmations.tokenOf(`t${n}`, { kind: 'email', target: 'alice@example.org' }),
  )
  assert.deepEqual(
    tokens.filter(token => !/^[0-9a-f]{32}$/.test(token)),
    [],
  )
})

test('a link of a letter from before is good as long as its tunnel has the target', () => {
  const { store } = world.broker
  const confirmations = new Confirmations(store)
  for (const target of ['Alice@example.org', 'alice@example.org']) {
    const content = JSON.stringify(['t', 'email', target])
    const token = createHmac('sha256', store.secret('confirmations') ?? '')
      .update(content)
      .digest('base64url')
    const way = { kind: 'email', target: 'Alice@example.org' } as const
    assert.ok(confirmations.isTokenOf(token.slice(0, 22), 't', way), target)
  }
})

test('a link to hear nothing more is good for each spelling of a mailbox', () => {
  const confirmations = new Confirmations(world.broker.store)
  const [one, other] = ['Alice@example.org', 'alice@example.org']
  const way = (target = '') => ({ kind: 'email', target }) as const
  assert.ok(confirmations.isTokenOf(confirmations.tokenOf('t', way(one)), 't', way(other)))
  assert.ok(!confirmations.isTokenOf(confirmations.tokenOf('t', way(one)), 't', way('bob@example.org')))
})

test('the end of a dormant tunnel is told, and a tunnel that is never kept has its end told at once', async () => {
  await asleep(ALICE)
  await subjects()
  world.now += 31 * DAY
  assert.equal(await world.lifecycle.endDormant(), 1)
  assert.deepEqual(await subjects(), ['has ended'])
  await stop()
  world.end()
  world = await World.open({ monitor: 'keep = "0s"' })
  start()
  const { id } = await registered(ALICE)
  for (let round = 0; round < 6; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
  assert.deepEqual(await subjects(), ['has ended'])
})

test('suspension is told, of a tunnel that is up and of one that sleeps, once; and so is its end', async () => {
  const { id } = await registered(ALICE)
  await world.lifecycle.suspend(id)
  assert.deepEqual(await subjects(), ['is suspended'])
  await world.lifecycle.suspend(id)
  assert.deepEqual(await subjects(), [])
  await world.lifecycle.resume(id)
  assert.deepEqual(await subjects(), ['is back'])
  await fallAsleep({ id })
  assert.deepEqual(await subjects(), ['is asleep'])
  await world.lifecycle.suspend(id)
  assert.deepEqual(await subjects(), ['is suspended'])
  await world.lifecycle.resume(id)
  assert.deepEqual(await subjects(), ['is back'])
})

test('what the operator deletes is told, awake, asleep or suspended', async () => {
  for (const before of [async () => undefined, fallAsleep, ({ id }: Tunnel) => world.lifecycle.suspend(id)]) {
    const tunnel = await registered(ALICE)
    await before(tunnel)
    await subjects()
    assert.equal((await world.broker.operator.delete(tunnel.id)).kind, 'done')
    assert.deepEqual(await subjects(), ['was deleted'])
    world.now += DAY
  }
})

test('who left no address, or has not said yes to it, is told nothing', async () => {
  const { id } = await asleep(undefined)
  await world.lifecycle.wake(id)
  await world.lifecycle.setContact(id, () => ({
    contact: mailTo('stranger@example.org', { isConfirmed: false }),
    asking: [],
  }))
  await world.lifecycle.suspend(id)
  assert.deepEqual(await subjects(), [])
})

test('an address goes with its tunnel, and with a row that is deleted by hand', async () => {
  for (const remove of [
    (id: string) => world.lifecycle.delete(id),
    async (id: string) => world.edit(`DELETE FROM dormant WHERE id = '${id}'`),
  ]) {
    const { id } = await asleep(ALICE)
    assert.ok(world.table.contactOf(id))
    await remove(id)
    assert.equal(world.table.contactOf(id), undefined)
    assert.equal(world.connection.prepare('SELECT count(*) AS n FROM contact_ways').get()?.n, 0)
    world.now += DAY
  }
})

test('what no server has taken comes after a crash, and not again after the next', async () => {
  answers = [DOWN]
  await asleep(ALICE)
  assert.deepEqual(await subjects(), [])
  await crash()
  world.now += HOUR
  assert.deepEqual(await subjects(), ['is asleep'])
  await crash()
  assert.deepEqual(await subjects(), [])
})

test('a crash between taking and noting it repeats it, as the same letter', async () => {
  const { id } = await registered(ALICE)
  const { drop } = world.lifecycle.notices
  world.lifecycle.notices.drop = () => Promise.reject(new Error('the power is gone'))
  await world.lifecycle.suspend(id)
  await deliveries.run()
  world.lifecycle.notices.drop = drop
  world.now += HOUR
  await crash()
  const [first, second] = letters
  assert.equal(letters.length, 2)
  assert.equal(first?.reference, second?.reference)
})

test('a failure is tried again later and later, and given up in the end', async () => {
  answers = Array<Handover>(20).fill(DOWN)
  await asleep(ALICE)
  await deliveries.run()
  assert.equal(answers.length, 19)
  await deliveries.run()
  assert.equal(answers.length, 19) // it is not due
  for (let hour = 0; hour < 100; hour++) {
    world.now += HOUR
    await deliveries.run()
  }
  assert.ok(answers.length >= 11, `${20 - answers.length} tries`)
  assert.equal(world.table.notices.count(), 0)
  assert.deepEqual(await subjects(), [])
})

/** Twenty tunnels of one owner, one after the other, and what becomes of each at once; returns their ids. */
async function manyTunnels(then?: (id: string) => Promise<unknown>): Promise<readonly string[]> {
  const ids: string[] = []
  for (let host = 0; host < 20; host++) {
    const registration = await registerOne(world.lifecycle, {
      ipv4: `198.51.100.${host + 10}`,
      nicname: `host${host}`,
      country: 'ca',
      os: 'linux',
    })
    assert.ok(registration.kind === 'registered')
    ids.push(registration.tunnel.id)
    await world.lifecycle.setContact(registration.tunnel.id, () => ({ contact: ALICE, asking: [] }))
    await then?.(registration.tunnel.id)
  }
  return ids
}

test('a server that is down is asked once a look, however many wait', async () => {
  answers = Array<Handover>(50).fill(DOWN)
  await manyTunnels(id => world.lifecycle.suspend(id))
  const before = answers.length
  world.now += 3 * HOUR
  await deliveries.run()
  assert.ok(before - answers.length <= 4, `${before - answers.length} tries`)
})

test('a link that somebody has asked for goes before all that wait already', async () => {
  const { id } = await registered(ALICE)
  const others = await manyTunnels()
  await stop()
  for (const other of others) await world.lifecycle.suspend(other)
  world.now += 2 * DAY
  await world.lifecycle.sendRecovery(id)
  start()
  await deliveries.run()
  const occasions = letters.map(({ occasion }) => occasion)
  assert.equal(occasions.length, 21)
  assert.ok(occasions.indexOf('recover') < 4, String(occasions)) // four are handed over at a time
})

test('what becomes of each try is counted by its way', async () => {
  answers = [DOWN]
  const { id } = await asleep(ALICE)
  await deliveries.run()
  assert.deepEqual(handovers, { ...noHandovers(), failed: { email: 1, webhook: 0 } })
  world.now += HOUR
  answers = [{ kind: 'refused', reason: '550 no such user' }]
  await deliveries.run()
  await world.lifecycle.suspend(id)
  await deliveries.run()
  assert.deepEqual(handovers, {
    taken: { email: 1, webhook: 0 },
    refused: { email: 1, webhook: 0 },
    failed: { email: 1, webhook: 0 },
  })
})

test('a letter that is refused for good is not tried again', async () => {
  answers = [{ kind: 'refused', reason: '550 no such user' }]
  await asleep(ALICE)
  await deliveries.run()
  assert.deepEqual(logged, ['a notice could not be handed over: it is given up'])
  world.now += DAY
  assert.deepEqual(await subjects(), [])
})

test('a URL that leads elsewhere has been told nothing: it is tried again, and its owner sees that it is wrong', async () => {
  await stop()
  start(['webhook'])
  const target = 'https://ntfy.sh/moved'
  const astray: Handover = { kind: 'failed', reason: 'the reply was 301', isDown: false, isAstray: true }
  answers = [astray, astray]
  await asleep({ ways: [{ kind: 'webhook', target, isConfirmed: true }], language: 'en' })
  await deliveries.run()
  assert.ok(refusedTargets.has('webhook', target))
  assert.ok(world.broker.lifecycle.notices.due('webhook', 1).length === 0)
  world.now += HOUR
  await deliveries.run()
  world.now += HOUR
  assert.deepEqual(await subjects(), ['is asleep'])
  assert.ok(!refusedTargets.has('webhook', target))
})

test('after a long outage each owner is told once, and only what is still so', async () => {
  answers = Array<Handover>(3).fill(DOWN)
  const tunnel = await asleep(ALICE)
  await deliveries.run()
  await world.lifecycle.suspend(tunnel.id)
  await world.lifecycle.resume(tunnel.id)
  await fallAsleep(tunnel)
  world.now += DAY
  answers = []
  assert.deepEqual(await subjects(), ['is asleep'])
})

test('a tunnel that has woken up is not said to sleep', async () => {
  answers = [DOWN]
  const { id } = await asleep(ALICE)
  await deliveries.run()
  await world.lifecycle.wake(id)
  world.now += HOUR
  assert.deepEqual(await subjects(), [])
  assert.equal(world.table.notices.count(), 0)
})

test('a look at many whose end is near lets everything else go on meanwhile', async () => {
  const { id } = await asleep(undefined)
  world.edit(`WITH RECURSIVE host(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM host WHERE n < 250) INSERT INTO dormant
    SELECT printf('a%011d', n), '198.51.100.' || n, printf('2001:db8:f6:%x::2', n), printf('2001:db8:f6:%x::1', n),
      'fn6-' || n, 'h' || n, country, os, creation_time, 0, key_hash, kind, details, since, until, 0, NULL, NULL
    FROM dormant, host WHERE id = '${id}'`)
  await stop()
  world = await world.restart()
  start()
  world.now += 28 * DAY
  assert.equal([...world.lifecycle.endingWithin(3 * DAY, 1000)].length, 251)
  let turns = 0
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  await warnings.look()
  clearImmediate(next)
  assert.ok(turns >= 2, `${turns} turns of the loop`)
})

test('who has taken the address away while a notice waited hears of that alone', async () => {
  answers = [DOWN]
  const { id } = await asleep(ALICE)
  await deliveries.run()
  await world.lifecycle.setContact(id, () => ({ contact: mailTo('bob@example.org'), asking: [] }))
  world.now += HOUR
  assert.deepEqual(await subjects(), [PARTED])
})

test('a notice of one sleep is not told in another one', async () => {
  answers = [DOWN]
  const tunnel = await asleep(ALICE)
  await deliveries.run()
  await world.lifecycle.setContact(tunnel.id, () => ({ contact: undefined, asking: [], isReaders: true }))
  await world.lifecycle.wake(tunnel.id)
  world.now += HOUR
  await fallAsleep(tunnel)
  await world.lifecycle.setContact(tunnel.id, () => ({ contact: ALICE, asking: [] }))
  assert.deepEqual(await subjects(), [])
})

test('a link to a new key is sent within half an hour or not at all, a stop included', async () => {
  const { id } = await registered(ALICE)
  for (const [seconds, expected] of [
    [HOUR / 4, 1],
    [HOUR, 0],
  ] as const) {
    answers = [DOWN]
    await world.lifecycle.sendRecovery(id)
    await deliveries.run()
    await stop()
    world.now += seconds // nobody serves, and nobody hears of it
    world = await world.restart()
    answers = []
    start()
    assert.equal((await subjects()).length, expected)
  }
})

test('a stop of days does not make a warning too old', async () => {
  answers = [DOWN]
  await asleep(ALICE)
  await deliveries.run()
  await stop()
  world.now += 10 * DAY
  world = await world.restart()
  start()
  world.now += HOUR
  assert.deepEqual(await subjects(), ['is asleep'])
})

test('what was taken while the disk is full is not sent again', async () => {
  const { id } = await registered(ALICE)
  answers = [DOWN]
  await world.lifecycle.suspend(id)
  await deliveries.run()
  world.now += HOUR
  const { drop } = world.lifecycle.notices
  world.lifecycle.notices.drop = () => Promise.reject(new Error('the disk is full'))
  assert.deepEqual(await subjects(), ['is suspended'])
  assert.deepEqual(await subjects(), [])
  world.lifecycle.notices.drop = drop
  assert.deepEqual(await subjects(), [])
  assert.equal(world.table.notices.count(), 0)
})

test('a link goes to nobody if its owner leaves the address while it is made', async t => {
  const tunnel = await registered(ALICE)
  const { lifecycle } = world.broker
  const keepLink = lifecycle.proofs.keepLink.bind(lifecycle.proofs)
  t.mock.method(lifecycle.proofs, 'keepLink', async (...of: Parameters<typeof keepLink>) => {
    await lifecycle.setContact(tunnel.id, () => ({ contact: mailTo('bob@example.org'), asking: [] }))
    return keepLink(...of)
  })
  await lifecycle.sendRecovery(tunnel.id)
  assert.deepEqual(await subjects(), [PARTED])
  assert.deepEqual(lifecycle.notices.due('email', 10), [])
})

/** The same files, with another prefix in the configuration, and with these ways. */
async function reopened(prefix: string, ways: readonly WayName[]): Promise<void> {
  const { directory, kernel, now } = world
  await stop()
  world.broker.close()
  world = await World.open({ directory, kernel, now, prefix })
  start(ways)
}

const RIGHT = '2001:db8:f6::/48'
const MISTYPED = '2001:db8:f7::/48'

test('notices wait while their way is not configured, which is logged once, and go when they are too old', async () => {
  await stop()
  start([])
  const tunnel = await asleep(ALICE)
  await deliveries.run()
  await deliveries.run()
  assert.deepEqual(logged, ['notices to owners wait for a way that is not configured'])
  await reopened(RIGHT, ['email'])
  assert.deepEqual(await subjects(), ['is asleep'])
  await world.lifecycle.suspend(tunnel.id)
  await reopened(RIGHT, [])
  world.now += 4 * DAY
  await deliveries.run()
  assert.equal(world.table.notices.count(), 0)
})

test('a warning is not used up by a process that has no way to tell it', async () => {
  await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  await reopened(RIGHT, ['webhook'])
  world.now += 28 * DAY
  await warnings.look()
  await registerOne(world.lifecycle, { ipv4: '198.51.100.8', nicname: 'bob', country: 'ca', os: 'linux' }) // notes the time
  assert.deepEqual(await subjects(), [])
  await reopened(RIGHT, ['email'])
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
})

test('one that nobody has taken for want of a way comes again, if there is time', async () => {
  await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  world.now += 28 * DAY
  answers = Array.from({ length: 2 }, () => DOWN)
  await warnings.look()
  await deliveries.run()
  await reopened(RIGHT, [])
  world.now += 4 * DAY // nobody ends a tunnel meanwhile
  await deliveries.run()
  assert.equal(world.table.notices.count(), 0)
  world.now -= 3 * DAY
  answers = []
  await reopened(RIGHT, ['email'])
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
})

test('what a configuration that does not fit the table keeps from being known waits for the right one', async () => {
  const tunnel = await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  world.now += 28 * DAY
  answers = Array.from({ length: 9 }, () => DOWN)
  await warnings.look()
  await deliveries.run()
  answers = []
  await reopened(MISTYPED, ['email'])
  world.now += HOUR
  assert.deepEqual(await subjects(), [])
  assert.equal(world.table.notices.count(), 1)
  await reopened(RIGHT, ['email'])
  world.now += HOUR
  assert.deepEqual(await subjects(), ['ends soon'])
  await reopened(MISTYPED, ['email'])
  await world.lifecycle.endDormant() // its end is held
  await reopened(RIGHT, ['email'])
  assert.ok(world.table.dormant.byId(tunnel.id))
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon']) // of the new end
})

test('a warning that one way has told is not told again because another way could not', async () => {
  const webhook = { kind: 'webhook', target: 'https://ntfy.example.net/alice', isConfirmed: true } as const
  const tunnel = await asleep({ language: 'en', ways: [...ALICE.ways, webhook] })
  assert.deepEqual(await subjects(), ['is asleep'])
  await reopened(RIGHT, ['webhook'])
  assert.deepEqual(await subjects(), ['is asleep'])
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
  await world.lifecycle.setContact(tunnel.id, () => {
    const contact = world.table.contactOf(tunnel.id) ?? assert.fail('nobody is told')
    return { contact: { ...contact, ways: [webhook] }, asking: [], isReaders: true }
  })
  await reopened(RIGHT, ['email', 'webhook'])
  assert.deepEqual(await subjects(), [])
  assert.equal(world.table.notices.count(), 0)
  await warnings.look()
  assert.deepEqual(await subjects(), [])
})

test('a way that comes while the warning waits for another one is told at once, and the other one once', async () => {
  const tunnel = await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  await reopened(RIGHT, ['webhook'])
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  const target = 'https://ntfy.example.net/alice'
  const webhooks = new WebhookRules({ hosts: ['ntfy.example.net'], allowHttp: false })
  const wishes = new ContactWishes({ table: world.table, hasMail: false, webhooks })
  const { contact } = wishes.read({ webhook: target, language: 'en' }, tunnel.id)
  await world.lifecycle.setContact(tunnel.id, () => ({ contact, asking: [] }))
  await world.lifecycle.confirmContact(tunnel.id, { kind: 'webhook', target })
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  await reopened(RIGHT, ['email', 'webhook'])
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
  await warnings.look()
  assert.deepEqual(await subjects(), [])
})

test('a warning that waits is not told of an end that was moved meanwhile; the new end has its own', async () => {
  await asleep(ALICE)
  assert.deepEqual(await subjects(), ['is asleep'])
  world.now += 28 * DAY
  answers = [DOWN]
  await warnings.look()
  await deliveries.run()
  await reopened(MISTYPED, ['email'])
  await world.lifecycle.endDormant() // its end is held
  await reopened(RIGHT, ['email'])
  world.now += HOUR
  await warnings.look()
  assert.deepEqual(await subjects(), [])
  world.now += 28 * DAY
  await warnings.look()
  assert.deepEqual(await subjects(), ['ends soon'])
})

test('a start without their way tells how many notices wait, those too that are tried later', async () => {
  answers = [DOWN]
  const { id } = await asleep(ALICE)
  await deliveries.run()
  for (let other = 0; other < 149; other++)
    world.edit(`INSERT INTO notices (id, occasion, way, target, language, nicname, country, since, made, next_try)
      SELECT id, occasion, way, target, language, nicname, country, since, made, made FROM notices WHERE id = '${id}' LIMIT 1`)
  logged = []
  facts = []
  await reopened(RIGHT, [])
  await deliveries.run()
  assert.deepEqual(logged, ['notices to owners wait for a way that is not configured'])
  assert.deepEqual(facts, [{ way: 'email', waiting: 150 }])
})

test('what has waited for too long is given up in the log too, without its way in one line', async () => {
  answers = [DOWN]
  const { id } = await asleep(ALICE)
  await deliveries.run()
  logged = []
  world.now += 4 * DAY
  assert.deepEqual(await subjects(), [])
  assert.deepEqual(logged, ['a notice could not be handed over: it is given up'])
  await reopened(RIGHT, [])
  await world.lifecycle.suspend(id)
  await deliveries.run()
  logged = []
  facts = []
  world.now += 4 * DAY
  await deliveries.run()
  assert.deepEqual(logged, ['notices to owners have waited for too long: they are given up'])
  assert.deepEqual(facts, [{ way: 'email', notices: 1 }])
  assert.equal(world.table.notices.count(), 0)
})
