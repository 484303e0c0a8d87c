import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Mail } from '../../src/mail/mailer.ts'
import { Notices } from '../../src/mail/notices.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'
import { Words } from '../../src/words/words.ts'
import { registerOne, SILENT, World } from '../lifecycle/world.ts'

const DAY = 86_400

let world: World
let mails: Mail[]
let notices: Notices

beforeEach(async () => {
  world = await World.open()
  mails = []
  const { store, lifecycle } = world.broker
  notices = new Notices({
    store,
    lifecycle,
    mailer: { send: mail => mails.push(mail) > 0 },
    words: Words.load(),
    origin: 'freenet6.net',
    publicUrl: 'https://broker.example.net',
    log: SILENT,
  })
})

afterEach(() => {
  notices.stop()
  world.end()
})

async function asleep(contact: { email: string; language: string } | undefined): Promise<Tunnel> {
  const registration = await registerOne(world.lifecycle, {
    ipv4: '198.51.100.7',
    nicname: 'alice',
    country: 'ca',
    os: 'linux',
  })
  assert.ok(registration.kind === 'registered')
  const { tunnel } = registration
  await world.lifecycle.setContact(tunnel.id, contact)
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  for (let round = 0; round < 6; round++)
    await world.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })
  assert.ok(world.table.dormant.byId(tunnel.id))
  return tunnel
}

test('an owner is told in their language when the tunnel falls asleep, with the way back', async () => {
  const tunnel = await asleep({ email: 'alice@example.org', language: 'fr' })
  const [mail] = mails
  assert.equal(mail?.to, 'alice@example.org')
  assert.equal(mail?.subject, 'alice.ca.freenet6.net s’est endormi')
  assert.match(mail?.text ?? '', new RegExp(`https://broker\\.example\\.net/tunnels/${tunnel.id}$`))
})

test('one more mail comes three days before the end, once, whatever is restarted; a second sleep has its own', async () => {
  const tunnel = await asleep({ email: 'alice@example.org', language: 'en' })
  mails.length = 0
  await notices.look()
  assert.equal(mails.length, 0)
  world.now += 28 * DAY
  await notices.look()
  assert.equal(mails[0]?.subject, 'alice.ca.freenet6.net ends soon')
  await notices.look()
  assert.equal(mails.length, 1)
  await world.lifecycle.wake(tunnel.id)
  await world.lifecycle.recordRound({ answered: [tunnel.id], silent: [] })
  for (let round = 0; round < 6; round++)
    await world.lifecycle.recordRound({ answered: [], silent: [tunnel.id] })
  world.now += 28 * DAY
  await notices.look()
  assert.deepEqual(
    mails.slice(1).map(({ subject }) => subject),
    ['alice.ca.freenet6.net is asleep', 'alice.ca.freenet6.net ends soon'],
  )
})

test('a suspended tunnel’s owner is told, and nobody who left no address', async () => {
  const tunnel = await asleep(undefined)
  assert.equal(mails.length, 0)
  await world.lifecycle.wake(tunnel.id)
  await world.lifecycle.setContact(tunnel.id, { email: 'alice@example.org', language: 'xx' })
  await world.lifecycle.suspend(tunnel.id)
  assert.equal(mails[0]?.subject, 'alice.ca.freenet6.net is suspended')
})

test('an address goes with its tunnel', async () => {
  const tunnel = await asleep({ email: 'alice@example.org', language: 'en' })
  assert.ok(world.table.contactOf(tunnel.id))
  await world.lifecycle.delete(tunnel.id)
  assert.equal(world.table.contactOf(tunnel.id), undefined)
})
