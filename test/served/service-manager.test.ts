import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { requirePackages } from '../packages.ts'
import { startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { HeldBroker } from './held-broker.ts'
import { hasEnded, RestartedBroker } from './restarted-broker.ts'

/** Listens as a service manager does, which Node can't, and prints who tells it what, a line a datagram. */
const LISTEN = `import socket, struct, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
heard.bind(sys.argv[1].replace('@', chr(0)))
print('0 listening', flush=True)
while True:
    text, ancillary, _, _ = heard.recvmsg(4096, 1024)
    pid = struct.unpack('3i', ancillary[0][2])[0]
    print(pid, text.decode().replace(chr(10), ' '), flush=True)
`

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-manager-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

interface Told {
  readonly pid: number
  readonly text: string
}

/** What a service manager behind `name` has been told so far. */
class Manager implements AsyncDisposable {
  readonly #child
  #told: Told[] = []

  private constructor(name: string) {
    this.#child = spawn('/usr/bin/python3', ['-c', LISTEN, name], { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', line => {
      const [pid = '', ...words] = line.split(' ')
      this.#told.push({ pid: Number(pid), text: words.join(' ') })
    })
  }

  static async listen(name: string): Promise<Manager> {
    const manager = new Manager(name)
    await manager.hears(/^listening$/)
    manager.#told = []
    return manager
  }

  get lines(): readonly string[] {
    return this.#told.map(({ text }) => text)
  }

  /**
   * What a manager with NotifyAccess=main takes, each with who says so, when this process is the one it has started; it
   * fails where another one says anything. Signs of life are left out.
   */
  taken(main: number): readonly string[] {
    let now = main
    const names = new Map([[main, 'first']])
    return this.#told.flatMap(({ pid, text }) => {
      assert.equal(pid, now, `${text}, which is not for this process to say`)
      const heir = /^MAINPID=(\d+) /.exec(text)?.[1]
      const said = `${names.get(pid)}: ${text.replace(/=\d{2,}/, '')}`
      if (heir !== undefined) now = Number(heir)
      if (now !== main) names.set(now, 'heir')
      return text === 'WATCHDOG=1' ? [] : [said]
    })
  }

  signsOf(pid: number): number {
    return this.#told.filter(one => one.pid === pid && one.text === 'WATCHDOG=1').length
  }

  async hears(line: RegExp): Promise<void> {
    await until(
      () => this.lines.some(one => line.test(one)),
      () => `not told: ${line}; told: ${this.lines.join(' | ')}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    await once(this.#child, 'exit')
  }
}

async function isReady(t: TestContext): Promise<boolean> {
  return requirePackages(t, ['/usr/bin/python3'])
}

test('the service manager hears when all is ready, of a reload, and of the end', async t => {
  if (!(await isReady(t))) return
  await using manager = await Manager.listen(join(dir, 'notify'))
  await using server = await startServer({ env: { NOTIFY_SOCKET: join(dir, 'notify') } })
  await manager.hears(/^READY=1 STATUS=serving$/)
  process.kill(server.pid, 'SIGHUP')
  await manager.hears(/^RELOADING=1 MONOTONIC_USEC=\d+ STATUS=reloading$/)
  await until(() => manager.lines.length === 3)
  assert.equal(await server.stop(), 0)
  await manager.hears(/^STOPPING=1/)
  assert.deepEqual(
    manager.lines.map(line => line.split('=')[0]),
    ['READY', 'RELOADING', 'READY', 'STOPPING'],
  )
})

test('a stop in the middle of a reload is the last thing that the service manager hears', async t => {
  if (!(await isReady(t))) return
  await using manager = await Manager.listen(join(dir, 'notify'))
  await using server = await startServer({ env: { NOTIFY_SOCKET: join(dir, 'notify') } })
  await manager.hears(/^READY=1 STATUS=serving$/)
  process.kill(server.pid, 'SIGHUP')
  await manager.hears(/^RELOADING=1/)
  assert.equal(await server.stop(), 0)
  await manager.hears(/^STOPPING=1/)
  assert.match(manager.lines.at(-1) ?? '', /^STOPPING=1/)
})

test('after a restart the new process is the main one, and gives the signs of life; the one before is silent', {
  skip: noBatches,
}, async t => {
  if (!(await isReady(t))) return
  const name = join(dir, 'notify')
  await using manager = await Manager.listen(name)
  const broker = new RestartedBroker(t, { NOTIFY_SOCKET: name, WATCHDOG_USEC: '300000' })
  const server = await broker.start()
  const pid = await broker.restarted()
  await until(() => manager.signsOf(pid) > 3)
  process.kill(pid, 'SIGTERM')
  await manager.hears(/^STOPPING=1/)
  await until(() => hasEnded(pid) && server.exitCode === 0)
  assert.deepEqual(manager.taken(server.pid), [
    'first: READY=1 STATUS=serving',
    'first: RELOADING=1 MONOTONIC_USEC STATUS=restarting',
    'first: MAINPID READY=1 STATUS=serving',
    'heir: READY=1 STATUS=serving',
    'heir: STOPPING=1 STATUS=stopping',
  ])
})

test('a restart that fails, or that is ended, is told as what it is', { skip: noBatches }, async t => {
  if (!(await isReady(t))) return
  const name = join(dir, 'notify')
  await using manager = await Manager.listen(name)
  const broker = new HeldBroker(t, { NOTIFY_SOCKET: name, WATCHDOG_USEC: '300000' })
  const server = await broker.start()
  broker.plan({ of: 'successor', at: 'on hearing', kind: 'released', what: 'kill' })
  await broker.failure()
  const signs = manager.signsOf(server.pid)
  await until(() => manager.signsOf(server.pid) > signs)
  broker.plan({ of: 'successor', at: 'before saying', kind: 'answering', what: 'wait' })
  const restart = broker.command('restart')
  await broker.held()
  process.kill(server.pid, 'SIGTERM')
  await restart
  await until(() => server.exitCode === 0)
  assert.deepEqual(manager.taken(server.pid), [
    'first: READY=1 STATUS=serving',
    'first: RELOADING=1 MONOTONIC_USEC STATUS=restarting',
    'first: READY=1 STATUS=serving',
    'first: RELOADING=1 MONOTONIC_USEC STATUS=restarting',
    'first: STOPPING=1 STATUS=stopping',
  ])
})

test('a socket of the abstract kind is told as well', async t => {
  if (!(await isReady(t))) return
  const name = `@freenet6-test-${process.pid}`
  await using manager = await Manager.listen(name)
  await using server = await startServer({ env: { NOTIFY_SOCKET: name } })
  await manager.hears(/^READY=1/)
  assert.equal(await server.stop(), 0)
})

test('a watchdog hears three signs of life in the time that it waits', async t => {
  if (!(await isReady(t))) return
  await using manager = await Manager.listen(join(dir, 'notify'))
  await using server = await startServer({
    env: { NOTIFY_SOCKET: join(dir, 'notify'), WATCHDOG_USEC: '300000' },
  })
  const signs = () => manager.lines.filter(line => line === 'WATCHDOG=1').length
  await until(() => signs() >= 4, 'no signs of life')
  assert.equal(await server.stop(), 0)
})

test('a manager that is gone keeps nobody from serving', async () => {
  await using server = await startServer({
    env: { NOTIFY_SOCKET: join(dir, 'nobody'), WATCHDOG_USEC: '30000' },
  })
  assert.equal((await fetch(`${server.web}/healthz`)).status, 200)
  assert.equal(await server.stop(), 0)
})
