import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PacedSender } from '../../bench/paced-sender.ts'
import { IS_WHOLE_LAB } from '../lab/whole-lab.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { until } from '../until.ts'
import type { Step } from './handover-hook.ts'
import { HeldBroker } from './held-broker.ts'
import { GLUE, hasEnded, Registrant } from './restarted-broker.ts'

/** What a thread that is killed had taken from its socket. */
const BATCH = 64

interface Death extends Step {
  /** Tried in every test run: where nobody but the one that is killed answers, and where it has just done its part. */
  readonly isUsual: boolean
}

const DEATHS: readonly Death[] = [
  death('successor', 'before saying', 'prepared'),
  death('successor', 'on hearing', 'released'),
  death('successor', 'before saying', 'answering'),
  death('successor', 'on hearing', 'silent'),
  death('successor', 'before saying', 'serving', { isUsual: true }),
  death('predecessor', 'on hearing', 'prepared'),
  death('predecessor', 'before saying', 'released'),
  death('predecessor', 'on hearing', 'answering'),
  death('predecessor', 'before saying', 'silent', { isUsual: true }),
  death('predecessor', 'on hearing', 'serving'),
  death('predecessor', 'before saying', 'yours', { isUsual: true }),
].filter(({ isUsual }) => isUsual || IS_WHOLE_LAB)

test('whichever process of a restart is killed, the other one serves; when both are gone a plain start has every row', {
  skip: noBatches,
}, async t => {
  const broker = new HeldBroker(t)
  const server = await broker.start()
  let serving = server.pid
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 200 })
  using registrant = new Registrant(broker)
  for (const death of DEATHS) {
    const what = `${death.of}, ${death.at} '${death.kind}'`
    broker.plan(death)
    const { code, stdout } = await broker.command('restart')
    assert.equal(code, 1, what)
    if (death.of === 'successor') assert.match(stdout, /restart-failed.*SIGKILL/, what)
    else serving = broker.successors.at(-1) ?? 0
    await until(() => broker.isReady())
    const before = registrant.registered.length
    await until(() => registrant.registered.length > before)
    assert.ok(!hasEnded(serving), what)
  }
  await sender.stop()
  const lost = sender.udp.sent - sender.udp.answered
  t.diagnostic(`${lost} of ${sender.udp.sent} queries lost with ${DEATHS.length} processes`)
  assert.deepEqual(sender.udp.wrong, [])
  assert.ok(lost <= DEATHS.length * BATCH, `${lost}`)

  broker.plan(death('successor', 'on hearing', 'yours'))
  await broker.restarted()
  await until(() => hasEnded(serving))
  await registrant.stop()
  assert.deepEqual(registrant.odd, [])
  const next = await broker.start()
  await broker.assertServed(registrant.registered)
  assert.equal((await broker.command('status')).code, 0)
  assert.equal(await next.stop(), 0)
  assert.ok(!existsSync(join(broker.dir, 'data', 'control.sock')))
})

function death(
  of: Step['of'],
  at: Step['at'],
  kind: string,
  { isUsual = false }: { readonly isUsual?: boolean } = {},
): Death {
  return { of, at, kind, what: 'kill', isUsual }
}
