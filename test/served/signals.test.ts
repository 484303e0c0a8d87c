import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LastResort } from '../../src/last-resort.ts'
import { cannot } from '../packages.ts'
import { configText, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')

test('SIGUSR1 opens no inspector', async () => {
  await using server = await startServer()
  process.kill(server.pid, 'SIGUSR1')
  process.kill(server.pid, 'SIGUSR1')
  assert.equal((await fetch(`${server.web}/healthz`)).status, 200)
  await until(() => /a signal without a meaning/.test(server.stderr))
  assert.doesNotMatch(server.stderr, /Debugger listening/)
})

test('SIGUSR2, which asks other programs to open their logs again, does not end the service', async () => {
  await using server = await startServer()
  process.kill(server.pid, 'SIGUSR2')
  await until(() => /a signal without a meaning/.test(server.stderr))
  assert.equal((await fetch(`${server.web}/healthz`)).status, 200)
})

for (const delayMs of [20, 150, 400])
  test(`a stop ${delayMs} ms after a reload of dns.* was asked for ends the process within the contract's time`, async () => {
    await using server = await startServer({ config: '[dns]\nthreads = 2\n' })
    const file = join(server.dir, 'freenet6.toml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('threads = 2', 'threads = 2\nnsid = "other"'))
    process.kill(server.pid, 'SIGHUP')
    await sleep(delayMs)
    assert.equal(await server.stop(), 0)
  })

/** Command lines of living processes, by the id of each. */
function processes(): ReadonlyMap<number, string> {
  const ids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return new Map(
    ids.flatMap(id => {
      try {
        return [[Number(id), readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')] as const]
      } catch {
        return [] // it has ended meanwhile
      }
    }),
  )
}

test('SIGTERM stops each part within 5 s while ip hangs and a visitor sends half a request, and leaves no child behind', async t => {
  if (process.getuid?.() !== 0) return t.skip(cannot('the sit driver takes root'))
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-hang-'))
  const mark = `sleep 86${process.pid}`
  // It answers until the service runs, and hangs from then on.
  writeFileSync(join(dir, 'ip'), `#!/bin/sh\nif [ -e ${dir}/hang ]; then ${mark}; fi\nexit 0\n`, {
    mode: 0o755,
  })
  cpSync(join(dir, 'ip'), join(dir, 'nft'))
  try {
    await using server = await startServer({
      config: `[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\ndriver = "sit"\n`,
      env: { PATH: `${dir}:${process.env.PATH}` },
    })
    writeFileSync(join(dir, 'hang'), '')
    const registering = fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ipv4: '192.0.2.77', nicname: 'alice', country: 'ca', os: 'linux' }),
    }).catch(() => undefined)
    await until(() => [...processes().values()].some(line => line.startsWith(mark)), 'ip was never called')
    const visitor = connect(Number(new URL(server.web).port), '127.0.0.1')
    visitor.on('error', () => undefined) // it is cut off
    visitor.write('POST /api/v1/tunnels HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{')
    await once(visitor, 'connect')
    assert.equal(await server.stop(), 0) // fails after 5 s
    await registering
    assert.match(server.stderr, /"part":"monitor","msg":"a part takes long to stop"/)
    assert.doesNotMatch(server.stderr, /not everything could be stopped in time/)
    assert.deepEqual(
      [...processes().values()].filter(line => line.startsWith(mark)),
      [],
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('npm start stops when npm is told to', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-npm-'))
  const file = join(dir, 'freenet6.toml')
  writeFileSync(file, configText(''))
  const npm = spawn('npm', ['start', '--', '--config', file], {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  npm.stdout.on('data', (text: Buffer) => {
    said += text.toString()
  })
  await until(() => /^ready /m.test(said), 'it is not ready')
  const ours = () => [...processes()].filter(([, line]) => line.includes(`serve --config ${file}`))
  assert.ok(ours().length > 0)
  npm.kill('SIGTERM')
  await once(npm, 'close')
  await until(() => ours().length === 0, 'the service outlives npm')
  rmSync(dir, { recursive: true })
})

test('what comes while it starts is heeded: SIGHUP when all is served, SIGTERM at once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-early-'))
  const file = join(dir, 'freenet6.toml')
  writeFileSync(file, configText(''))
  try {
    for (const [signal, sign] of [
      ['SIGHUP', '"msg":"reloaded"'],
      ['SIGTERM', 'stopping'],
    ] as const) {
      const started = spawn(process.execPath, [CLI, 'serve', '--config', file], {
        cwd: dir,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let said = ''
      let isAsked = false
      started.stderr.on('data', (text: Buffer) => {
        said += text.toString()
        if (!isAsked && said.includes('configuration read')) isAsked = started.kill(signal)
        if (signal === 'SIGHUP' && said.includes(sign)) started.kill('SIGTERM')
      })
      assert.deepEqual(await once(started, 'close'), [0, null], said)
      assert.ok(said.includes(sign), said)
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a fault that nothing has caught is logged and shown, and a row of them ends the process', () => {
  let ended = 0
  const said: string[] = []
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, message: string) => void said.push(message),
  }
  const lastResort = new LastResort(log, () => ended++)
  const stop = lastResort.watch()
  assert.deepEqual(lastResort.troubles(), [])
  for (let n = 0; n < 10; n++) lastResort.note(new Error('a timer failed'))
  assert.equal(ended, 0)
  assert.match(lastResort.troubles().join(), /10 faults/)
  assert.match(said[0] ?? '', /everything else goes on/)
  lastResort.note(new Error('again'))
  assert.equal(ended, 1)
  stop()
})
