import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import type { Letter } from '../../src/mail/carrier.ts'
import { isOnThisHost, Mailer } from '../../src/mail/mailer.ts'
import { until } from '../until.ts'
import { MailServer } from './mail-server.ts'

const LETTER: Letter = {
  to: 'alice@example.org',
  occasion: 'dormant',
  subject: 'Tunnel asleep',
  text: 'Wake it up: é',
  page: 'https://broker.example.net/tunnels/x',
  reference: '1.1000000.abc',
}

function open(smtp: string, patienceMs = 5000): Mailer {
  return new Mailer({ smtp, from: 'broker@example.net', patienceMs })
}

test('a mail reaches the one address it is for, as plain text from the configured sender', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  assert.deepEqual(await mailer.carry(LETTER), { kind: 'taken' })
  const { to, text } = await server.next()
  assert.deepEqual(to, ['alice@example.org'])
  assert.match(text, /^From: broker@example\.net\r$/m)
  assert.match(text, /^Subject: Tunnel asleep\r$/m)
  assert.match(text, /Wake it up: é/)
  mailer.close()
})

test('a second copy has the identity of the first, so that a mail server can drop it', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  for (let copy = 0; copy < 2; copy++) {
    await mailer.carry(LETTER)
    assert.match((await server.next()).text, /^Message-ID: <1\.1000000\.abc@example\.net>\r$/m)
  }
  mailer.close()
})

test('a mail says that a program wrote it, so that no absence is announced to the sender', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  await mailer.carry(LETTER)
  assert.match((await server.next()).text, /^Auto-Submitted: auto-generated\r$/m)
  mailer.close()
})

test('an address that looks like a list is one address, and is sent to nobody else', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  await mailer.carry({ ...LETTER, to: 'alice@example.org, mallory@example.com' })
  await mailer.carry(LETTER)
  const { to } = await server.next()
  assert.deepEqual(to, ['alice@example.org'])
  assert.deepEqual(server.received, [])
  mailer.close()
})

test('a refusal for the moment is a failure of this mail alone, one for good is told from it', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  server.refuse(451)
  const failed = await mailer.carry(LETTER)
  assert.ok(failed.kind === 'failed' && !failed.isDown, JSON.stringify(failed))
  server.refuse(550)
  assert.equal((await mailer.carry(LETTER)).kind, 'refused')
  assert.equal((await mailer.carry(LETTER)).kind, 'taken')
  mailer.close()
})

test('what the mail server lets nobody send from here is our mistake, and is tried again', async () => {
  await using server = await MailServer.open()
  const mailer = open(server.url)
  for (const [code, text] of [
    [554, '5.7.1 <alice@example.org>: Relay access denied'], // Postfix
    [550, 'relay not permitted'], // Exim
    [553, 'sorry, that domain is not in my list of allowed rcpthosts (#5.7.1)'], // qmail
    [550, '5.7.26 Unauthenticated email is not accepted'],
    [530, 'Authentication required'],
  ] as const) {
    server.refuseWith(code, text)
    const failed = await mailer.carry(LETTER)
    assert.ok(failed.kind === 'failed' && !failed.isDown, JSON.stringify(failed))
  }
  server.refuseWith(550, '5.1.1 no such user')
  assert.equal((await mailer.carry(LETTER)).kind, 'refused')
  mailer.close()
})

test('a mail server on this host needs no certificate that others vouch for', async () => {
  await using server = await MailServer.open({ startsTls: true })
  for (const host of ['127.0.0.1', 'localhost']) {
    const mailer = open(server.url.replace('127.0.0.1', host))
    assert.deepEqual(await mailer.carry(LETTER), { kind: 'taken' }, host)
    mailer.close()
  }
})

test('one on another host does, whatever it is called', () => {
  const own = [
    'smtp://localhost',
    'smtp://LOCALHOST.:25',
    'smtp://u:p@127.0.0.1:25',
    'smtps://[::1]:465',
    'smtp://127.8.9.1',
  ]
  const others = [
    'smtp://mail.example.net:587',
    'smtp://localhost.example.net',
    'smtp://127.0.0.1.example.net',
    'smtp://10.0.0.1',
  ]
  assert.deepEqual(
    own.filter(url => !isOnThisHost(url)),
    [],
  )
  assert.deepEqual(others.filter(isOnThisHost), [])
})

test('a server that is gone, silent, or hangs up is down, and the try ends', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  const rude = createServer(socket => socket.end('421 not now\r\n')).listen(0, '127.0.0.1')
  await Promise.all([once(silent, 'listening'), once(rude, 'listening')])
  const portOf = (server: typeof silent) => (server.address() as AddressInfo).port
  for (const port of [1, portOf(silent), portOf(rude)]) {
    const mailer = open(`smtp://127.0.0.1:${port}`, 300)
    const failed = await mailer.carry(LETTER)
    assert.ok(failed.kind === 'failed' && failed.isDown, JSON.stringify(failed))
    mailer.close()
  }
  silent.close()
  rude.close()
})

test('a server that has all of a mail is waited for, so that what it takes late is not sent again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const verdict = Promise.withResolvers<void>()
  let isWhole = false
  const thinks = () => {
    isWhole = true
    return verdict.promise
  }
  await using server = await MailServer.open({ thinks })
  const mailer = open(server.url, 300)
  const carrying = mailer.carry(LETTER)
  await until(() => {
    t.mock.timers.tick(1) // the server greets after a tenth of a second
    return isWhole
  })
  t.mock.timers.tick(900)
  verdict.resolve()
  assert.deepEqual(await carrying, { kind: 'taken' })
  assert.equal(server.received.length, 1)
  mailer.close()
})

test('a sender that the server does not want is our mistake, and loses nobody a mail', async () => {
  await using server = await MailServer.open({ refusesSender: true })
  const mailer = open(server.url)
  const failed = await mailer.carry(LETTER)
  assert.ok(failed.kind === 'failed' && failed.isDown, JSON.stringify(failed))
  mailer.close()
})

test('a close breaks off what is under way', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const mailer = open(`smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, 60_000)
  const carrying = mailer.carry(LETTER)
  setTimeout(() => mailer.close(), 50)
  assert.equal((await carrying).kind, 'failed')
  silent.close()
})
