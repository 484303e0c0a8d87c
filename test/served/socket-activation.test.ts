import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { freePort } from '../../bench/running-server.ts'
import { HeldSockets } from '../../src/listen/held-sockets.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { passedByManager } from '../../src/listen/passed-sockets.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { ask, configText, runCli } from '../spawn.ts'

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
const UDP = { count: 1, patienceMs: 250, isAhead: false }
const PATIENCE_MS = 60_000

const libc = await loadLibc()
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-activation-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** Opens sockets as a service manager does. */
function opened(endpoints: { readonly dns: number; readonly web: number }): HeldSockets {
  if (libc === undefined) throw new Error('koffi can not be loaded')
  const sockets = new HeldSockets(libc)
  const at = (port: number) => ({ address: '127.0.0.1', port })
  sockets.holdAhead({ dns: [at(endpoints.dns)], tls: [], web: at(endpoints.web), udp: UDP })
  return sockets
}

/** Starts the program as a service manager does: its sockets from 3 on, and whose they are in the environment. */
function startWith(sockets: HeldSockets, ports: { readonly dns: number; readonly web: number }) {
  const file = join(dir, 'freenet6.toml')
  writeFileSync(
    file,
    configText(`[dns]\nlisten = ["127.0.0.1:${ports.dns}"]\n[web]\nlisten = "127.0.0.1:${ports.web}"`),
  )
  const fds = sockets.handed.map(({ fd }) => fd)
  const child = spawn(
    '/bin/sh',
    ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', process.execPath, CLI, 'serve', '--config', file],
    {
      cwd: dir,
      env: {
        ...process.env,
        LISTEN_FDS: String(fds.length),
        LISTEN_FDNAMES: fds.map(() => 'freenet6').join(':'),
      },
      stdio: ['ignore', 'pipe', 'pipe', ...fds],
    },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => {
      said += text.toString()
    })
  return { child, closed: once(child, 'close'), said: () => said }
}

test('what is asked before the service runs is answered by it, by its successor, and by the next start', {
  skip: noBatches,
}, async () => {
  const ports = { dns: await freePort(), web: await freePort() }
  const sockets = opened(ports)
  const endpoint = { address: '127.0.0.1', port: ports.dns }
  const asked = () =>
    Promise.all([
      ask(endpoint, 'freenet6.net', 'SOA', { timeout: PATIENCE_MS }),
      ask(endpoint, 'freenet6.net', 'SOA', { tcp: true, timeout: PATIENCE_MS }),
      fetch(`http://127.0.0.1:${ports.web}/healthz`),
    ])
  const early = asked()
  const first = startWith(sockets, ports)
  let last = first
  try {
    await early
    assert.match(
      first.said(),
      new RegExp(`ready dns=127.0.0.1:${ports.dns} web=http://127.0.0.1:${ports.web}`),
    )
    const { stdout, stderr } = await runCli(['restart', '--json', '--config', join(dir, 'freenet6.toml')], {
      timeout: PATIENCE_MS,
    })
    const { pid } = JSON.parse(stdout || stderr) as { pid: number }
    await asked()
    process.kill(pid, 'SIGTERM')
    assert.deepEqual(await first.closed, [0, null]) // both have ended: they share its outputs
    const waiting = asked()
    last = startWith(sockets, ports)
    const [udp, tcp, health] = await waiting
    assert.deepEqual([udp.rcode, tcp.rcode, health.status], ['NOERROR', 'NOERROR', 200], last.said())
  } finally {
    last.child.kill('SIGTERM')
    const [code] = await last.closed
    sockets.close()
    assert.equal(code, 0, last.said())
  }
})

test('a socket that the configuration does not name is a mistake, and named', {
  skip: noBatches,
}, async () => {
  const ports = { dns: await freePort(), web: await freePort() }
  const sockets = opened({ ...ports, web: await freePort() })
  const { closed, said } = startWith(sockets, ports)
  const [code] = await closed
  sockets.close()
  assert.equal(code, 2)
  assert.match(
    said(),
    /has passed TCP 127\.0\.0\.1:\d+ \(freenet6\), which is none of dns\.listen, dns\.tls\.listen and web\.listen/,
  )
})

test('sockets that were passed to another process are not ours, and no child hears of any', () => {
  const calls = { setCloseOnExec: () => 0, socketKind: () => 'connections' as const }
  const environment = { LISTEN_PID: '1', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }
  assert.deepEqual(passedByManager(calls, environment, 2), { sockets: [], mistakes: [] })
  assert.deepEqual(environment, {})
  const own = { LISTEN_PID: '2', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }
  assert.deepEqual(
    passedByManager(calls, own, 2).sockets.map(({ fd, name }) => [fd, name]),
    [
      [3, 'a'],
      [4, 'b'],
    ],
  )
})

test('a descriptor that is no listening socket is a mistake', () => {
  const calls = { setCloseOnExec: () => 0, socketKind: () => undefined }
  const { mistakes } = passedByManager(calls, { LISTEN_PID: '2', LISTEN_FDS: '1' }, 2)
  assert.match(mistakes.join(), /no listening socket/)
})
