import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PacedSender } from '../../bench/paced-sender.ts'
import { noBatches } from '../listen/batch-listener.ts'
import type { Step } from './handover-hook.ts'
import { HeldBroker } from './held-broker.ts'
import { eventually, GLUE, hasEnded, Registrant } from './restarted-broker.ts'

/** What a thread that is killed had taken from its socket. */
const BATCH = 64

/** With FREENET6_LAB=all every step; else those from which on the process before is silent, and one before. */
const IS_WHOLE = process.env.FREENET6_LAB === 'all'

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
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 200 })
  using registrant = new Registrant(broker)
  const steps = IS_WHOLE ? OF_SUCCESSOR : OF_SUCCESSOR.slice(-3)
  for (const step of steps) {
    broker.plan({ ...step, what: 'kill' })
    assert.match(await broker.failure(), /SIGKILL/, step.kind)
    await eventually(() => broker.isReady())
    assert.equal((await broker.command('status')).code, 0, step.kind)
    const before = registrant.registered.length
    await eventually(() => registrant.registered.length > before)
    assert.equal(server.exitCode, null)
  }
  await sender.stop()
  assertFewLost(t, sender, steps.length)
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
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 200 })
  using registrant = new Registrant(broker)
  const steps = IS_WHOLE ? OF_PREDECESSOR : OF_PREDECESSOR.slice(-3)
  for (const step of steps) {
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
  assertFewLost(t, sender, steps.length)
  assert.deepEqual(registrant.odd, [])
  await broker.assertServed(registrant.registered)
  const last = broker.successors.at(-1) ?? 0
  process.kill(last, 'SIGTERM')
  await eventually(() => hasEnded(last))
  assert.ok(!existsSync(join(broker.dir, 'data', 'control.sock')))
  await broker.start()
  await broker.assertServed(registrant.registered)
})

/** A process that is killed takes along what its thread has just taken from a socket, and nothing more. */
function assertFewLost(t: TestContext, { udp }: PacedSender, kills: number): void {
  const lost = udp.sent - udp.answered
  t.diagnostic(`${lost} of ${udp.sent} queries lost with ${kills} processes`)
  assert.deepEqual(udp.wrong, [])
  assert.ok(lost <= kills * BATCH, `${lost}`)
}
