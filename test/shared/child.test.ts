import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { runChild } from '../../src/shared/child.ts'

const DEADLINE_MS = 20_000

test('a child is fed, ends, and what it said is told', async () => {
  const outcome = await runChild('sh', ['-c', 'cat; echo bad >&2; exit 3'], {
    input: 'good\n',
    deadlineMs: DEADLINE_MS,
  })
  assert.deepEqual(outcome, { end: 'exit', code: 3, stdout: 'good\n', stderr: 'bad\n' })
})

test('a child has no shell: arguments reach it as they are', async () => {
  const { stdout } = await runChild('echo', ['$HOME; `id` "x'], { deadlineMs: DEADLINE_MS })
  assert.equal(stdout, '$HOME; `id` "x\n')
})

test('a child speaks English and finds the system’s programs', async () => {
  const { stdout } = await runChild('sh', ['-c', 'echo $LC_ALL $PATH'], { deadlineMs: DEADLINE_MS })
  assert.match(stdout, /^C .*:\/usr\/sbin/)
})

test('a child that hangs is killed at its deadline, and its words until then are kept', async () => {
  const outcome = await runChild('sh', ['-c', 'echo so far; trap "" TERM; sleep 600 & wait; sleep 600'], {
    deadlineMs: 300,
  })
  assert.deepEqual(outcome, { end: 'deadline', code: null, stdout: 'so far\n', stderr: '' })
})

test('a child that never stops talking is killed', async () => {
  const outcome = await runChild('yes', [], { deadlineMs: DEADLINE_MS, maxOutputBytes: 100_000 })
  assert.equal(outcome.end, 'overflow')
  assert.ok(outcome.stdout.length <= 100_000)
})

test('a child that does not listen is no fault', async () => {
  const outcome = await runChild('true', [], { input: 'x'.repeat(1_000_000), deadlineMs: DEADLINE_MS })
  assert.equal(outcome.code, 0)
})

test('a child that leaves its input to a daemon that reads nothing leaves us no descriptor', async () => {
  const leave = async () => {
    const daemon = 'exec 3<&0; sleep 60 <&3 >/dev/null 2>&1 & echo $!'
    const { stdout } = await runChild('sh', ['-c', daemon], {
      input: 'x'.repeat(1_000_000),
      deadlineMs: DEADLINE_MS,
    })
    return Number(stdout)
  }
  const daemons = [await leave()]
  const before = readdirSync('/proc/self/fd').length
  for (let n = 0; n < 5; n++) daemons.push(await leave())
  assert.equal(readdirSync('/proc/self/fd').length, before)
  for (const pid of daemons) process.kill(pid)
})

test('a child is ended by an abort', async () => {
  const abort = new AbortController()
  const running = runChild('sleep', ['600'], { deadlineMs: 600_000, signal: abort.signal })
  abort.abort()
  assert.equal((await running).end, 'abort')
})

test('a program that is not there is a coded fault', async () => {
  await assert.rejects(runChild('/nonexistent/tool', [], { deadlineMs: DEADLINE_MS }), {
    code: 'child-unstartable',
    command: '/nonexistent/tool',
  })
})
