/** What somebody did with a tunnel's key is told to whoever reads its owner's mail: it may have been a thief. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Handover, Letter } from '../../src/mail/carrier.ts'
import type { Deliveries } from '../../src/mail/deliveries.ts'
import type { Contact } from '../../src/tunnel/contact.ts'
import { registerOne, World } from '../lifecycle/world.ts'
import { openPost } from './post.ts'

const DOWN: Handover = { kind: 'failed', reason: 'nobody answers', isDown: true }
const WAY = { ipv4: '198.51.100.7', nicname: 'alice', country: 'ca', os: 'linux' } as const

let world: World
let letters: Letter[]
let answers: Handover[]
let deliveries: Deliveries

beforeEach(async () => {
  world = await World.open()
  letters = []
  answers = []
  deliveries = openPost(world, { answer: () => answers.shift(), took: letter => letters.push(letter) })
})

afterEach(async () => {
  await deliveries.stop()
  world.end()
})

function mailTo(target: string, isConfirmed = true): Contact {
  return { language: 'en', ways: [{ kind: 'email', target, isConfirmed }] }
}

async function registered(contact: Contact): Promise<string> {
  const registration = await registerOne(world.lifecycle, WAY)
  assert.ok(registration.kind === 'registered')
  const { id } = registration.tunnel
  await tell(id, contact)
  return id
}

function tell(id: string, contact: Contact | undefined, isReaders = false): Promise<boolean> {
  return world.lifecycle.setContact(id, () => ({ contact, asking: [], isReaders }))
}

async function fallAsleep(id: string): Promise<void> {
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  for (let round = 0; round < 6; round++) await world.lifecycle.recordRound({ answered: [], silent: [id] })
}

/** Subjects and readers of the letters since the last time. */
async function told(): Promise<string[]> {
  await deliveries.run()
  return letters.splice(0).map(({ subject, to }) => `${subject} > ${to}`)
}

const PARTED = 'Nothing more of alice.ca.freenet6.net is told here'
const RENEWED = 'alice.ca.freenet6.net has a new key'

test('a new key is told, with the way to another one', async () => {
  const id = await registered(mailTo('alice@example.org'))
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  assert.equal(letters[0]?.subject, RENEWED)
  assert.match(letters[0]?.text ?? '', /^https:\/\/broker\.example\.net\/recover$/m)
  assert.match(letters[0]?.text ?? '', new RegExp(`/notices/${id}/[0-9a-f]{32}$`))
})

test('a tunnel that is registered anew while it sleeps has a new key, and its owner hears of it', async () => {
  const id = await registered(mailTo('alice@example.org'))
  await fallAsleep(id)
  assert.deepEqual(await told(), ['alice.ca.freenet6.net is asleep > alice@example.org'])
  assert.equal((await world.lifecycle.reregister(id)).kind, 'registered')
  assert.deepEqual(await told(), [`${RENEWED} > alice@example.org`])
})

test('who has been told hears that it is over, and is told nothing after that', async () => {
  const id = await registered(mailTo('alice@example.org'))
  await tell(id, mailTo('mallory@example.net', false))
  await world.lifecycle.renewKey(id)
  assert.deepEqual(await told(), [`${PARTED} > alice@example.org`])
})

test('a thief who makes a key and takes the mail away does not keep a dead mail server from telling it later', async () => {
  const id = await registered(mailTo('alice@example.org'))
  answers.push(DOWN, DOWN)
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  await tell(id, undefined)
  await deliveries.run()
  answers = []
  world.now += 3600
  assert.deepEqual(await told(), [`${PARTED} > alice@example.org`])
})

test('a parting is not told where the address is back before it was', async () => {
  const id = await registered(mailTo('alice@example.org'))
  answers.push(DOWN)
  await tell(id, undefined)
  await deliveries.run()
  await tell(id, mailTo('Alice@example.org'))
  answers = []
  world.now += 3600
  assert.deepEqual(await told(), [])
})

test('nobody hears of a change who was never told anything, has not gone, or has said so there', async () => {
  const id = await registered(mailTo('bob@example.org', false))
  await tell(id, mailTo('alice@example.org'))
  await tell(id, mailTo('ALICE@example.org'))
  await tell(id, undefined, true)
  assert.deepEqual(await told(), [])
})

test('neither a new key nor a parting takes the place of what becomes of the tunnel, or the other way round', async () => {
  const id = await registered(mailTo('alice@example.org'))
  answers.push(DOWN, DOWN, DOWN, DOWN)
  await fallAsleep(id)
  await deliveries.run()
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  answers = []
  world.now += 3600
  assert.deepEqual((await told()).sort(), [
    `${RENEWED} > alice@example.org`,
    'alice.ca.freenet6.net is asleep > alice@example.org',
  ])
  answers.push(DOWN, DOWN)
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  await world.lifecycle.suspend(id)
  await deliveries.run()
  answers = []
  world.now += 3600
  assert.deepEqual((await told()).sort(), [
    `${RENEWED} > alice@example.org`,
    'alice.ca.freenet6.net is suspended > alice@example.org',
  ])
})

test('two new keys are told of once', async () => {
  const id = await registered(mailTo('alice@example.org'))
  answers.push(DOWN, DOWN)
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  await world.lifecycle.renewKey(id)
  await deliveries.run()
  answers = []
  world.now += 3600
  assert.deepEqual(await told(), [`${RENEWED} > alice@example.org`])
})

test('a deletion with the key is told, and says so', async () => {
  const id = await registered(mailTo('alice@example.org'))
  await world.lifecycle.delete(id)
  await deliveries.run()
  assert.match(letters[0]?.text ?? '', /was deleted with its key/)
  assert.doesNotMatch(letters[0]?.text ?? '', /\/notices\//)
})
