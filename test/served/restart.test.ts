import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PacedSender } from '../../bench/paced-sender.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { runCli } from '../spawn.ts'
import { until } from '../until.ts'
import { HeldBroker, waiting } from './held-broker.ts'
import { GLUE, PATIENCE_MS, Registrant, RestartedBroker } from './restarted-broker.ts'

/** Long enough for a command to have looked for somebody. */
const NOTICED_MS = 1500

test('no query and no registration is lost through reloads and two restarts in a row', {
  skip: noBatches,
}, async t => {
  const broker = new RestartedBroker(t)
  const server = await broker.start()
  const first = await broker.registered(0)
  using sender = new PacedSender(server.endpoint(), {
    asked: [GLUE, { name: first.name, type: 'AAAA', data: first.ipv6_client }],
    perSecond: 1000,
  })
  using registrant = new Registrant(broker)
  assert.equal((await broker.command('reload')).code, 0)
  const second = await broker.restarted()
  assert.equal((await broker.command('reload')).code, 0)
  const third = await broker.restarted()
  await sleep(500)
  await registrant.stop()
  await sender.stop()
  assert.equal(new Set([server.pid, second, third]).size, 3)
  for (const { sent, answered, wrong } of [sender.udp, sender.tcp]) {
    assert.deepEqual(wrong, [])
    assert.equal(answered, sent)
    assert.ok(sent > 20)
  }
  assert.deepEqual([registrant.odd, registrant.cutOff], [[], 0])
  assert.ok(registrant.registered.length > 5)
  await broker.assertServed([first, ...registrant.registered])
  await until(() => server.exitCode === 0) // the first has nothing more to do
})

test('of two restarts at once the second is refused, whichever process it asks; other commands wait', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  await broker.start()
  broker.plan(waiting('predecessor', 'released'))
  const first = broker.command('restart')
  await broker.held()
  await assertRefused(broker)
  broker.plan(waiting('predecessor', 'silent'))
  await broker.held()
  const status = broker.command('status') // nobody listens for it now
  await sleep(NOTICED_MS)
  broker.plan(waiting('successor', 'serving'))
  await broker.held()
  await assertRefused(broker)
  broker.goOn()
  assert.deepEqual([(await status).code, (await first).code], [0, 0])
})

async function assertRefused(broker: HeldBroker): Promise<void> {
  const { code, stdout } = await broker.command('restart')
  assert.equal(code, 1)
  assert.equal((JSON.parse(stdout) as { code: string }).code, 'restarting')
}

test('with a broken configuration the process before goes on, and says what is wrong', {
  skip: noBatches,
}, async t => {
  const broker = new RestartedBroker(t)
  const server = await broker.start()
  const { dir, configFile: file } = broker
  const sound = readFileSync(file, 'utf8')
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 500 })
  writeFileSync(file, `${sound}\n[dns.rate_limit]\nslip = "often"\n`)
  const { code, stdout } = await runCli(['restart', '--json', '--config', file], { timeout: PATIENCE_MS })
  assert.equal(code, 2, stdout) // the command reads it too
  writeFileSync(file, sound)
  writeFileSync(
    file,
    `${sound}\n[dns.tls]\nlisten = ["127.0.0.1:0"]\ncertificate = "no.pem"\nkey = "no.pem"\n`,
  )
  assert.match(await broker.failure(), /no\.pem/)
  writeFileSync(file, sound)
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), '@ SOA what\n')
  writeFileSync(file, sound.replace(/zones_dir = .*/, `zones_dir = ${JSON.stringify(join(dir, 'zones'))}`))
  assert.match(await broker.failure(), /freenet6\.net\.zone:1/)
  assert.match(server.stderr, /the successor does not serve: this process goes on/)
  writeFileSync(file, sound)
  assert.equal((await broker.register(1)).status, 201)
  assert.equal(server.exitCode, null)
  await broker.restarted()
  await sender.stop()
  assert.deepEqual(sender.udp.wrong, [])
  assert.equal(sender.udp.answered, sender.udp.sent)
})

test('a browser stays signed in, a key that nobody has seen waits, and a repeated request gets its reply', {
  skip: noBatches,
}, async t => {
  const broker = new RestartedBroker(t)
  const server = await broker.start()
  const form = await fetch(`${server.web}/register`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: server.web, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'ipv4=198.51.100.7&nicname=alice&country=ca&os=linux',
  })
  assert.equal(form.status, 303)
  const page = form.headers.get('location') ?? ''
  const cookie = (form.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const reply = await (await broker.register(8, { 'idempotency-key': 'once' })).text()
  await broker.restarted()
  const seen = await fetch(`${server.web}${page}`, { headers: { cookie, accept: 'text/html' } })
  assert.equal(seen.status, 200)
  assert.match(await seen.text(), /shown only now|key/)
  assert.equal(await (await broker.register(8, { 'idempotency-key': 'once' })).text(), reply)
})
