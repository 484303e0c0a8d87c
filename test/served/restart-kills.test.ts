import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PacedSender } from '../../bench/paced-sender.ts'
import { noBatches } from '../listen/batch-listener.ts'
import type { Step } from './handover-hook.ts'
import { HeldBroker } from './held-broker.ts'
import { eventually, GLUE, hasEnded, Registrant } from './restarted-broker.ts'

/** What a thread that is killed had taken from its socket. */
const BATCH = 64

const OF_SUCCESSOR = [
  { of: 'successor', at: 'before saying', kind: 'prepared' },
  { of: 'successor', at: 'on hearing', kind: 'released' },
  { of: 'successor', at: 'before saying', kind: 'answering' },
  { of: 'successor', at: 'on hearing', kind: 'silent' },
  { of: 'successor', at: 'before saying', kind: 'serving' },
] as const satisfies readonly Omit<Step, 'what'>[]

const OF_PREDECESSOR = [
  { of: 'predecessor', at: 'on hearing', kind: 'prepared' },
  { of: 'predecessor', at: 'before saying', kind: 'released' },
  { of: 'predecessor', at: 'on hearing', kind: 'answering' },
  { of: 'predecessor', at: 'before saying', kind: 'silent' },
  { of: 'predecessor', at: 'on hearing', kind: 'serving' },
  { of: 'predecessor', at: 'before saying', kind: 'yours' },
] as const satisfies readonly Omit<Step, 'what'>[]

test('whenever a successor is killed, the process before goes on; when both are gone a plain start has every row', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  const server = await broker.start()
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 500 })
  using registrant = new Registrant(broker)
  for (const step of OF_SUCCESSOR) {
    broker.plan({ ...step, what: 'kill' })
    assert.match(await broker.failure(), /SIGKILL/, step.kind)
    await eventually(() => broker.isReady())
    assert.equal((await broker.command('status')).code, 0, step.kind)
    const before = registrant.registered.length
    await eventually(() => registrant.registered.length > before)
    assert.equal(server.exitCode, null)
  }
  await sender.stop()
  assert.deepEqual([sender.udp.wrong, sender.udp.sent - sender.udp.answered], [[], 0])
  broker.plan({ of: 'successor', at: 'on hearing', kind: 'yours', what: 'kill' })
  await broker.restarted()
  await eventually(() => server.exitCode === 0)
  await registrant.stop()
  assert.deepEqual(registrant.odd, [])
  await broker.start()
  await broker.assertServed(registrant.registered)
  assert.equal((await broker.command('status')).code, 0)
  assert.equal((await broker.register(999)).status, 201)
})

test('whenever the process before is killed, its successor serves, and can be followed and stopped in its turn', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  const server = await broker.start()
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 500 })
  using registrant = new Registrant(broker)
  for (const step of OF_PREDECESSOR) {
    broker.plan({ ...step, what: 'kill' })
    const { code, stdout } = await broker.command('restart')
    assert.equal(code, 1, stdout)
    await eventually(() => broker.isReady())
    assert.equal((await broker.command('status')).code, 0, step.kind)
    const before = registrant.registered.length
    await eventually(() => registrant.registered.length > before)
  }
  await sender.stop()
  await registrant.stop()
  const lost = sender.udp.sent - sender.udp.answered
  t.diagnostic(`${lost} of ${sender.udp.sent} queries lost with ${OF_PREDECESSOR.length} processes`)
  assert.ok(lost <= OF_PREDECESSOR.length * BATCH, `${lost}`)
  assert.deepEqual(registrant.odd, [])
  await broker.assertServed(registrant.registered)
  const last = broker.successors.at(-1) ?? 0
  process.kill(last, 'SIGTERM')
  await eventually(() => hasEnded(last))
  assert.ok(!existsSync(join(broker.dir, 'data', 'control.sock')))
  await broker.start()
  await broker.assertServed(registrant.registered)
})
