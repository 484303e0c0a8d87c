import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Asked, PacedSender } from '../../bench/paced-sender.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { ask, type Ending, runCli, type Server, startServer } from '../spawn.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
const PATIENCE_MS = 60_000

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-restart-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function start(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Server> {
  const server = await startServer({ dir, config: LAB, env })
  t.after(async () => {
    for (const pid of [server.pid, ...successors(server)]) endProcess(pid)
    await server[Symbol.asyncDispose]()
  })
  return server
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

/** Ids of the processes that were started to take over, from the log. */
function successors(server: Server): readonly number[] {
  return [...server.stderr.matchAll(/"pid":(\d+),"msg":"a successor was started"/g)].map(([, pid]) =>
    Number(pid),
  )
}

function command(...words: readonly string[]): Promise<Ending> {
  return runCli([...words, '--json', '--config', join(dir, 'freenet6.toml')], { timeout: PATIENCE_MS })
}

async function restarted(): Promise<number> {
  const { code, stdout, stderr } = await command('restart')
  assert.equal(code, 0, stdout + stderr)
  return (JSON.parse(stdout) as { pid: number }).pid
}

async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !(await isSo()); ) {
    assert.ok(performance.now() < end, 'not in time')
    await sleep(5)
  }
}

function register(
  { web }: Server,
  index: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ipv4: `198.51.${100 + (index >> 8)}.${index & 255}`,
      nicname: `h${index}`,
      country: 'ca',
      os: 'linux',
    }),
  })
}

interface Registered {
  readonly id: string
  readonly name: string
  readonly ipv6_client: string
}

/** Registers one after the other until it is told to stop; what is refused meanwhile is only put off. */
class Registrant {
  readonly registered: Registered[] = []
  readonly odd: string[] = []
  putOff = 0
  #isStopped = false
  readonly #ended: Promise<void>

  constructor(server: Server) {
    this.#ended = this.#run(server)
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
  }

  async #run(server: Server): Promise<void> {
    for (let index = 1; !this.#isStopped; ) {
      try {
        const response = await register(server, index)
        if (response.status === 201) {
          this.registered.push((await response.json()) as Registered)
          index++
        } else if (response.status === 503 && response.headers.has('retry-after')) this.putOff++
        else this.odd.push(`${response.status} ${await response.text()}`)
      } catch (error) {
        this.odd.push(String(error))
      }
      await sleep(20)
    }
  }
}

/** What a restart that must fail says. */
async function failure(): Promise<string> {
  const { code, stdout } = await command('restart')
  assert.equal(code, 1, stdout)
  const problem = JSON.parse(stdout) as { code: string; detail: string }
  assert.equal(problem.code, 'restart-failed')
  return problem.detail
}

const GLUE: Asked = { name: 'ns1.freenet6.net', type: 'A', data: '192.0.2.1' }

async function assertServed(server: Server, registered: readonly Registered[]): Promise<void> {
  for (const { name, ipv6_client } of registered) {
    const { reply } = await ask(server.endpoint(), name, 'AAAA')
    assert.deepEqual(
      reply.answers?.map(answer => ('data' in answer ? answer.data : '')),
      [ipv6_client],
      name,
    )
  }
}

test('no query and no registration is lost through reloads and two restarts in a row', {
  skip: noBatches,
}, async t => {
  const server = await start(t)
  const first = (await (await register(server, 0)).json()) as Registered
  using sender = new PacedSender(server.endpoint(), {
    asked: [GLUE, { name: first.name, type: 'AAAA', data: first.ipv6_client }],
    perSecond: 1000,
  })
  using registrant = new Registrant(server)
  assert.equal((await command('reload')).code, 0)
  const second = await restarted()
  assert.equal((await command('reload')).code, 0)
  const third = await restarted()
  await sleep(500)
  await registrant.stop()
  await sender.stop()
  assert.equal(new Set([server.pid, second, third]).size, 3)
  for (const { sent, answered, wrong } of [sender.udp, sender.tcp]) {
    assert.deepEqual(wrong, [])
    assert.equal(answered, sent)
    assert.ok(sent > 20)
  }
  assert.deepEqual(registrant.odd, [])
  assert.ok(registrant.registered.length > 5)
  await assertServed(server, [first, ...registrant.registered])
  await eventually(() => server.exitCode === 0) // the first has nothing more to do
})

test('of two restarts at once the second is refused', { skip: noBatches }, async t => {
  await start(t)
  const both = await Promise.all([command('restart'), command('restart')])
  assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1])
  const refusal = both.find(({ code }) => code === 1)
  assert.equal(JSON.parse(refusal?.stdout ?? '').code, 'restarting')
})

test('with a broken configuration the process before goes on, and says what is wrong', {
  skip: noBatches,
}, async t => {
  const server = await start(t)
  const file = join(dir, 'freenet6.toml')
  const sound = readFileSync(file, 'utf8')
  using sender = new PacedSender(server.endpoint(), { asked: [GLUE], perSecond: 500 })
  writeFileSync(file, `${sound}\n[dns.rate_limit]\nslip = "often"\n`)
  const { code, stdout } = await runCli(['restart', '--json', '--config', file], { timeout: PATIENCE_MS })
  assert.equal(code, 2, stdout) // the command reads it too
  writeFileSync(file, sound)
  writeFileSync(
    file,
    `${sound}\n[dns.tls]\nlisten = ["127.0.0.1:0"]\ncertificate = "no.pem"\nkey = "no.pem"\n`,
  )
  assert.match(await failure(), /no\.pem/)
  writeFileSync(file, sound)
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'freenet6.net.zone'), '@ SOA what\n')
  writeFileSync(file, sound.replace(/zones_dir = .*/, `zones_dir = ${JSON.stringify(join(dir, 'zones'))}`))
  assert.match(await failure(), /freenet6\.net\.zone:1/)
  assert.match(server.stderr, /the successor does not serve: this process goes on/)
  writeFileSync(file, sound)
  assert.equal((await register(server, 1)).status, 201)
  assert.equal(server.exitCode, null)
  await restarted()
  await sender.stop()
  assert.deepEqual(sender.udp.wrong, [])
  assert.equal(sender.udp.answered, sender.udp.sent)
})

for (const { moment, mark, afterMs } of [
  { moment: 'before it has read anything', mark: /a successor was started/, afterMs: 0 },
  { moment: 'when it has the table', mark: /a successor was started[\s\S]*table loaded/, afterMs: 0 },
  { moment: 'while both answer', mark: /a successor was started[\s\S]*table loaded/, afterMs: 600 },
]) {
  test(`a successor that is killed ${moment} costs no query but over its own connections, and the process before goes on`, {
    skip: noBatches,
  }, async t => {
    const server = await start(t)
    const first = (await (await register(server, 0)).json()) as Registered
    using sender = new PacedSender(server.endpoint(), {
      asked: [GLUE, { name: first.name, type: 'AAAA', data: first.ipv6_client }],
      perSecond: 1000,
    })
    using registrant = new Registrant(server)
    const restart = command('restart')
    await eventually(() => mark.test(server.stderr))
    await sleep(afterMs)
    const [pid] = successors(server)
    assert.ok(pid !== undefined)
    process.kill(pid, 'SIGKILL')
    const { code, stdout } = await restart
    assert.equal(code, 1, stdout)
    assert.match(stdout, /restart-failed.*SIGKILL/)
    await eventually(async () => (await fetch(`${server.web}/readyz`).catch(() => undefined))?.status === 200)
    assert.equal(server.exitCode, null)
    await restarted() // and it can still be replaced
    await registrant.stop()
    await sender.stop()
    assert.deepEqual(sender.udp.wrong, [])
    assert.equal(sender.udp.answered, sender.udp.sent)
    assert.deepEqual(
      sender.tcp.wrong.filter(line => !line.includes('ECONNRESET')),
      [],
    )
    assert.deepEqual(registrant.odd, [])
    await assertServed(server, [first, ...registrant.registered])
  })
}

test('a browser stays signed in, a key that nobody has seen waits, and a repeated request gets its reply', {
  skip: noBatches,
}, async t => {
  const server = await start(t)
  const form = await fetch(`${server.web}/register`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: server.web, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'ipv4=198.51.100.7&nicname=alice&country=ca&os=linux',
  })
  assert.equal(form.status, 303)
  const page = form.headers.get('location') ?? ''
  const cookie = (form.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const reply = await (await register(server, 8, { 'idempotency-key': 'once' })).text()
  await restarted()
  const seen = await fetch(`${server.web}${page}`, { headers: { cookie, accept: 'text/html' } })
  assert.equal(seen.status, 200)
  assert.match(await seen.text(), /shown only now|key/)
  assert.equal(await (await register(server, 8, { 'idempotency-key': 'once' })).text(), reply)
})
