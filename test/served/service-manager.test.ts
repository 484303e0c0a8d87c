import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requirePackages } from '../packages.ts'
import { runCli, startServer } from '../spawn.ts'

/** Listens as a service manager does, which Node can't, and prints what it is told, a line a datagram. */
const LISTEN = `import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1].replace('@', chr(0)))
print('listening', flush=True)
while True: print(heard.recv(4096).decode().replace(chr(10), ' '), flush=True)
`
const PATIENCE_TRIES = 500

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-manager-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** What a service manager behind `name` has been told so far. */
class Manager implements AsyncDisposable {
  readonly #child
  #lines: string[] = []

  private constructor(name: string) {
    this.#child = spawn('/usr/bin/python3', ['-c', LISTEN, name], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#lines.push(...text.split('\n').filter(line => line !== ''))
    })
  }

  static async listen(name: string): Promise<Manager> {
    const manager = new Manager(name)
    await manager.hears(/^listening$/)
    manager.#lines = []
    return manager
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  async hears(line: RegExp): Promise<void> {
    for (let tries = 0; !this.#lines.some(one => line.test(one)); tries++) {
      assert.ok(tries < PATIENCE_TRIES, `not told: ${line}; told: ${this.#lines.join(' | ')}`)
      await sleep(10)
    }
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
  assert.equal(await server.stop(), 0)
  await manager.hears(/^STOPPING=1/)
  assert.deepEqual(
    manager.lines.map(line => line.split('=')[0]),
    ['READY', 'RELOADING', 'READY', 'STOPPING'],
  )
})

test('the service manager hears which process is the service after a restart', async t => {
  if (!(await isReady(t))) return
  await using manager = await Manager.listen(join(dir, 'notify'))
  await using server = await startServer({ env: { NOTIFY_SOCKET: join(dir, 'notify') } })
  const { stdout } = await runCli(['restart', '--json', '--config', join(server.dir, 'freenet6.toml')], {
    timeout: 60_000,
  })
  const { pid } = JSON.parse(stdout) as { pid: number }
  try {
    await manager.hears(/^RELOADING=1 MONOTONIC_USEC=\d+ STATUS=restarting$/)
    await manager.hears(new RegExp(`^MAINPID=${pid} READY=1 STATUS=serving$`))
    await manager.hears(/^READY=1 STATUS=serving$/)
    assert.ok(!manager.lines.some(line => line.startsWith('STOPPING'))) // the service goes on
  } finally {
    process.kill(pid, 'SIGKILL')
  }
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
  for (let tries = 0; signs() < 4; tries++) {
    assert.ok(tries < PATIENCE_TRIES, 'no signs of life')
    await sleep(10)
  }
  assert.equal(await server.stop(), 0)
})

test('a manager that is gone keeps nobody from serving', async () => {
  await using server = await startServer({
    env: { NOTIFY_SOCKET: join(dir, 'nobody'), WATCHDOG_USEC: '30000' },
  })
  assert.equal((await fetch(`${server.web}/healthz`)).status, 200)
  assert.equal(await server.stop(), 0)
})
