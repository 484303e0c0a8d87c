import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { IS_WHOLE_LAB } from '../lab/whole-lab.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { ask } from '../spawn.ts'
import { until } from '../until.ts'
import type { Step } from './handover-hook.ts'
import { HeldBroker, waiting } from './held-broker.ts'
import { hasEnded } from './restarted-broker.ts'

/** What the log says where the contract's five seconds were not enough. */
const NOT_IN_TIME = /not everything could be stopped in time/
const HEAD = '@ 60 SOA ns1 hostmaster 1 2 3 4 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n'

/** A service with zone files of its own. */
async function start(t: TestContext): Promise<HeldBroker> {
  const broker = new HeldBroker(t)
  mkdirSync(join(broker.dir, 'zones'))
  writeFileSync(join(broker.dir, 'zones', 'freenet6.net.zone'), HEAD)
  write(broker, '192.0.2.11')
  await broker.start()
  return broker
}

function write({ dir }: HeldBroker, address: string): void {
  writeFileSync(join(dir, 'zones', 'example.org.zone'), `${HEAD}www 60 A ${address}\n`)
}

async function isServed({ server }: HeldBroker, address: string): Promise<boolean> {
  const { reply } = await ask(server.endpoint(), 'www.example.org', 'A')
  return reply.answers?.some(answer => 'data' in answer && answer.data === address) === true
}

async function restartHeldAt(step: Step, broker: HeldBroker): Promise<{ readonly ending: Promise<unknown> }> {
  broker.plan(step)
  const ending = broker.command('restart')
  await broker.held()
  return { ending }
}

test('files that change when a successor has read them are read again by it, by SIGHUP and by reload', {
  skip: noBatches,
}, async t => {
  const broker = await start(t)
  const { ending } = await restartHeldAt(waiting('successor', 'prepared'), broker)
  write(broker, '192.0.2.12')
  process.kill(broker.server.pid, 'SIGHUP')
  broker.goOn()
  await ending
  await until(() => isServed(broker, '192.0.2.12'))
  const again = await restartHeldAt(waiting('successor', 'prepared'), broker)
  write(broker, '192.0.2.13')
  assert.equal((await broker.command('reload')).code, 0)
  assert.ok(await isServed(broker, '192.0.2.13'))
  broker.goOn()
  await again.ending
  await until(() => isServed(broker, '192.0.2.13'))
})

test('where the restart fails the process before reads them, and keeps what reloads had changed', {
  skip: noBatches,
}, async t => {
  const broker = await start(t)
  const { ending } = await restartHeldAt(waiting('successor', 'prepared'), broker)
  write(broker, '192.0.2.12')
  process.kill(broker.server.pid, 'SIGHUP')
  process.kill(broker.successors.at(-1) ?? 0, 'SIGKILL')
  await ending
  await until(() => isServed(broker, '192.0.2.12'))
  const config = readFileSync(broker.configFile, 'utf8')
  writeFileSync(broker.configFile, config.replace('[dns]', '[dns]\nnsid = "other"'))
  assert.match((await broker.command('reload')).stdout, /dns\.nsid/)
  broker.plan({ of: 'successor', at: 'on hearing', kind: 'released', what: 'kill' })
  await broker.failure()
  assert.doesNotMatch((await broker.command('reload')).stdout, /dns\.nsid/) // there is nothing left to take
})

test('SIGTERM at any step of a restart ends both processes, and the next start has every row', {
  skip: noBatches,
}, async t => {
  const broker = await start(t)
  const registered = [await broker.registered(1)]
  const cases = [
    { step: waiting('successor', 'serving'), isDead: false },
    { step: waiting('predecessor', 'yours'), isDead: false },
    { step: waiting('successor', 'prepared'), isDead: false },
    { step: waiting('successor', 'answering'), isDead: false },
    { step: waiting('successor', 'answering'), isDead: true }, // the process before is about to start everything anew
  ]
  for (const { step, isDead } of IS_WHOLE_LAB ? cases : cases.slice(0, 2)) {
    const { server } = broker
    const { ending } = await restartHeldAt(step, broker)
    const successor = broker.successors.at(-1) ?? 0
    if (isDead) process.kill(successor, 'SIGKILL')
    process.kill(server.pid, 'SIGTERM')
    if (step.of === 'predecessor') broker.goOn()
    await until(() => server.exitCode === 0)
    await ending
    await until(() => hasEnded(successor))
    assert.doesNotMatch(server.stderr, NOT_IN_TIME)
    assert.ok(!existsSync(join(broker.dir, 'data', 'control.sock')))
    await broker.start()
    await broker.assertServed(registered)
  }
})
