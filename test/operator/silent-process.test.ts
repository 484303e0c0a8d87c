import assert from 'node:assert/strict'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { ProcessSilent } from '../../src/operator/control-client.ts'
import { lateReply } from '../../src/operator/late-reply.ts'
import { runCli, startServer } from '../spawn.ts'

const LAB = '[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n'

/** What is said within so many seconds of waiting for a reply that does not come, and what came of it. */
async function waited(seconds: number, waiter: { isQuick: boolean; isStopped?: boolean }) {
  const said: string[] = []
  const { isQuick, isStopped = false } = waiter
  const process = () => ({ pid: 4711, isStopped })
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { promise, resolve } = Promise.withResolvers<{ value: unknown }>()
    const outcome = lateReply(promise, { isQuick, process, say: line => said.push(line) }).catch(
      error => error,
    )
    mock.timers.tick(seconds * 1000)
    resolve({ value: 'late' })
    return { said, outcome: await outcome }
  } finally {
    mock.timers.reset()
  }
}

test('who waits is told after some seconds which process the reply is waited for from', async () => {
  assert.deepEqual((await waited(4, { isQuick: true })).said, [])
  assert.deepEqual((await waited(6, { isQuick: true })).said, [
    'no reply from process 4711 yet: waiting for it',
  ])
  const { said } = await waited(6, { isQuick: true, isStopped: true })
  assert.deepEqual(said, ['process 4711 is stopped: kill -CONT 4711 lets it go on'])
})

test('what only reads is given up after half a minute', async () => {
  const { outcome } = await waited(31, { isQuick: true })
  assert.ok(outcome instanceof ProcessSilent)
  assert.deepEqual([outcome.pid, outcome.seconds], [4711, 30])
})

test('what changes something is waited for, and nobody is told that nothing was done', async () => {
  const { said, outcome } = await waited(3600, { isQuick: false })
  assert.deepEqual(outcome, { value: 'late' })
  assert.match(
    said.at(-1) ?? '',
    /^no reply from process 4711 for 30 seconds: it may still do what was asked/,
  )
})

test('a stopped process is named, by the doctor too; what reads gives up, and what writes is done when it goes on', async () => {
  await using server = await startServer({ config: LAB })
  const config = ['--config', join(server.dir, 'freenet6.toml')]
  process.kill(server.pid, 'SIGSTOP')
  const adding = runCli(['tunnel', 'add', '192.0.2.77', 'alice', 'ca', 'linux', ...config])
  // Each gives up after half a minute.
  const [listed, looked] = await Promise.all([
    runCli(['tunnel', 'list', '--json', ...config]),
    runCli(['doctor', '--json', ...config]),
  ])
  process.kill(server.pid, 'SIGCONT')
  const { code, stdout, stderr } = listed
  assert.match(stderr, new RegExp(`process ${server.pid} is stopped: kill -CONT ${server.pid} `))
  const { code: problemCode, detail } = JSON.parse(stdout)
  assert.deepEqual([code, problemCode], [1, 'process-silent'])
  assert.match(detail, new RegExp(`\\(${server.pid}\\).*kill -CONT ${server.pid}`))
  const { findings } = JSON.parse(looked.stdout) as { findings: { code: string; mend: string }[] }
  assert.deepEqual(
    [looked.code, ...findings.map(finding => finding.code)],
    [1, 'process-silent'],
    looked.stdout,
  )
  assert.match(findings[0]?.mend ?? '', new RegExp(`kill -CONT ${server.pid} `))
  const added = await adding
  assert.equal(added.code, 0, added.stderr)
  assert.match(added.stdout, /^key: [0-9a-f]{32}$/m)
})
