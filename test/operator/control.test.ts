import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Control, type ControlHandler } from '../../src/operator/control.ts'
import { ControlClient, NotRunning } from '../../src/operator/control-client.ts'
import { documentOfLines } from '../../src/operator/problem-document.ts'
import { SILENT } from '../lifecycle/world.ts'
import { configText, runCli } from '../spawn.ts'

const directory = mkdtempSync(join(tmpdir(), 'freenet6-control-'))
const path = join(directory, 'control.sock')

let control: Control
let underWay = 0
let mostUnderWay = 0
let answered = 0

const handler: ControlHandler = async (command, parameters) => {
  if (command === 'fail') throw new RangeError('it can not be done')
  mostUnderWay = Math.max(mostUnderWay, ++underWay)
  const asked = parameters as Record<string, string>
  await sleep(Number(asked.ms ?? 0))
  underWay--
  answered++
  return { value: { command, ...asked } }
}

beforeEach(async () => {
  control = await Control.listen(path, handler, SILENT)
})

afterEach(() => control.close())

after(() => rmSync(directory, { recursive: true }))

/** What a conversation by hand gives: all is sent, then the answers are read. */
async function converse(words: string): Promise<readonly unknown[]> {
  const socket = createConnection(path)
  await once(socket, 'connect')
  socket.end(words)
  const lines = (await text(socket)).split('\n').filter(line => line !== '')
  return lines.map((line): unknown => JSON.parse(line))
}

test('a command has its answer', async () => {
  using client = await ControlClient.connect(path)
  assert.deepEqual(await client.send('show', { reference: 'a' }), {
    value: { command: 'show', reference: 'a' },
  })
})

test('a command that fails says why, and the connection goes on', async () => {
  using client = await ControlClient.connect(path)
  const failed = await client.send('fail', {})
  assert.ok('problem' in failed)
  assert.deepEqual(failed.problem, documentOfLines('internal', ['it can not be done']))
  assert.deepEqual(await client.send('show', {}), { value: { command: 'show' } })
})

test('many commands may be under way on a connection; answers come in their order', async () => {
  using client = await ControlClient.connect(path)
  const order: number[] = []
  const answers = Array.from({ length: 3000 }, async (_, n) => {
    await client.send('show', { n: String(n), ms: String(n % 7) })
    order.push(n)
  })
  await Promise.all(answers)
  assert.deepEqual(
    order,
    Array.from({ length: 3000 }, (_, n) => n),
  )
  assert.ok(mostUnderWay > 1 && mostUnderWay < 3000, `${mostUnderWay} at a time`)
})

test('who does not take the answers is not read any further, and is served when it does', async () => {
  const socket = createConnection(path)
  await once(socket, 'connect')
  const command = `${JSON.stringify({ command: 'show', parameters: { text: 'x'.repeat(1000) } })}\n`
  const count = 5000
  answered = 0
  socket.write(command.repeat(count))
  socket.end()
  await sleep(300)
  assert.ok(answered < count, 'all were answered although nobody read')
  const lines = (await text(socket)).split('\n')
  assert.equal(lines.length - 1, count)
  assert.equal(answered, count)
})

test('a line that is no command is answered with a problem', async () => {
  const answers = await converse('nonsense\n[]\n{"command":"show"}\n')
  assert.deepEqual(
    answers.map(answer => Object.keys(Object(answer))[0]),
    ['problem', 'problem', 'value'],
  )
})

test('a command without end is refused', async () => {
  const [reply] = await converse('x'.repeat(70_000))
  assert.match(JSON.stringify(reply), /^\{"problem":.*The command is too long/)
})

test('the socket is its owner’s alone', () => {
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('what is no socket is not replaced, nor is a link to a socket', async () => {
  const file = join(directory, 'precious')
  writeFileSync(file, 'mine')
  await assert.rejects(Control.listen(file, handler, SILENT), /precious": something that is no socket/)
  assert.equal(readFileSync(file, 'utf8'), 'mine')
  const link = join(directory, 'link')
  symlinkSync(path, link)
  await assert.rejects(Control.listen(link, handler, SILENT), /something that is no socket/)
})

test('a directory that is not there is named, not a permission', async () => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  for (const lacking of [join(directory, 'run'), file, join(file, 'run')])
    await assert.rejects(Control.listen(join(lacking, 'x.sock'), handler, SILENT), {
      message: `control.socket = ${JSON.stringify(join(lacking, 'x.sock'))}: there is no directory ${lacking}`,
    })
})

test('a socket that a killed process left over is replaced', async () => {
  const left = join(directory, 'left.sock')
  const program = `require('net').createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['--eval', program])
  assert.ok(statSync(left).isSocket())
  await (await Control.listen(left, handler, SILENT)).close()
})

test('who still waits when the process ends is told', async () => {
  using client = await ControlClient.connect(path)
  const refused = assert.rejects(client.send('show', { ms: '1000' }), /closed the connection/)
  await control.close()
  await refused
})

test('what is read after its client has gone is not done; a client that only ends its input has its answer', async () => {
  answered = 0
  const program = `
    const socket = require('net').createConnection(${JSON.stringify(path)}, () =>
      socket.write('{"command":"show"}\\n', () => process.exit()))`
  spawnSync(process.execPath, ['--eval', program]) // nothing is read meanwhile
  assert.deepEqual(await converse('{"command":"show","parameters":{"n":"1"}}\n'), [
    { value: { command: 'show', n: '1' } },
  ])
  assert.equal(answered, 1)
})

test('where nobody listens the client says so', async () => {
  await assert.rejects(ControlClient.connect(join(directory, 'nobody.sock')), NotRunning)
})

test('a service of another version is said to be one, whatever it replies', async t => {
  const file = join(directory, 'freenet6.toml')
  const foreign = join(directory, 'foreign.sock')
  const server = createServer(socket => socket.on('data', () => socket.write('{"tunnels": 3}\n'))).listen(
    foreign,
  )
  t.after(() => server.close())
  await once(server, 'listening')
  for (const socket of [path, foreign]) {
    writeFileSync(file, configText(`[control]\nsocket = "${socket}"`))
    const { code, stderr } = await runCli(['status', '--config', file])
    assert.deepEqual([code, stderr.split('\n').length], [1, 2], stderr)
    assert.match(stderr, /^other-version: The service that runs is of another version .*Restart/)
    const { stdout } = await runCli(['status', '--config', file, '--json'])
    assert.equal(JSON.parse(stdout).code, 'other-version')
  }
})

test('a command whose process ends before its reply says that it may have been done', async t => {
  const file = join(directory, 'lost.toml')
  const socket = join(directory, 'lost.sock')
  const server = createServer(connection => connection.once('data', () => connection.destroy())).listen(
    socket,
  )
  t.after(() => server.close())
  await once(server, 'listening')
  writeFileSync(file, configText(`[control]\nsocket = "${socket}"`))
  const { code, stdout } = await runCli(['backup', join(directory, 'copy'), '--config', file, '--json'])
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 'reply-lost'])
  assert.match(JSON.parse(stdout).detail, /backup may have been done/)
})
