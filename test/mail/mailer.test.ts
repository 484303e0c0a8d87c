import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mailer } from '../../src/mail/mailer.ts'
import { SILENT } from '../lifecycle/world.ts'
import { MailServer } from './mail-server.ts'

const MAIL = { to: 'alice@example.org', subject: 'Tunnel asleep', text: 'Wake it up: é' }

function open(smtp: string, logged: string[] = []): Mailer {
  const note = (_facts: object, words: string) => void logged.push(words)
  return new Mailer({
    smtp,
    from: 'broker@example.net',
    log: { ...SILENT, warn: note, error: note },
    pausesMs: [10, 10],
  })
}

test('a mail reaches the one address it is for, as plain text from the configured sender', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  assert.ok(mailer.send(MAIL))
  const { to, text } = await server.next()
  assert.deepEqual(to, ['alice@example.org'])
  assert.match(text, /^From: broker@example\.net\r$/m)
  assert.match(text, /^Subject: Tunnel asleep\r$/m)
  assert.match(text, /Wake it up: é/)
  mailer.close()
})

test('an address that looks like a list is one address, and is sent to nobody else', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  mailer.send({ ...MAIL, to: 'alice@example.org, mallory@example.com' })
  mailer.send(MAIL)
  const { to } = await server.next()
  assert.deepEqual(to, ['alice@example.org'])
  assert.deepEqual(server.received, [])
  mailer.close()
})

test('a server that refuses for the moment gets it again; one that goes on refusing does not for ever', async () => {
  await using server = await MailServer.open()
  const logged: string[] = []
  const mailer = open(server.url, logged)
  server.refusals = 2
  mailer.send(MAIL)
  assert.match((await server.next()).text, /Wake it up/)
  assert.deepEqual(logged, Array(2).fill('a mail could not be sent: it is tried again'))
  server.refusals = 3
  mailer.send(MAIL)
  while (!logged.includes('a mail could not be sent: it is given up'))
    await new Promise(resolve => setTimeout(resolve, 10))
  mailer.close()
})

test('more than a thousand that wait are refused, and none after the end', () => {
  const mailer = open('smtp://127.0.0.1:1')
  const taken = Array.from({ length: 1010 }, () => mailer.send(MAIL))
  assert.equal(taken.filter(Boolean).length, 1000)
  mailer.close()
  assert.ok(!mailer.send(MAIL))
})
