/**
 * The story of a tunnel, on a real kernel: run in the lab's guest, by `npm run lab` and by the lab suite.
 *
 *   node story.ts LAYOUT [REPORT-FILE]
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { compareEverything } from './agreement.ts'
import { type Layout, networkOf, readKernel } from './kernel-view.ts'
import {
  INTERNET_IPV6,
  LabBroker,
  ORIGIN,
  readRows,
  SERVER_IPV4,
  type Settings,
  until,
  WEB,
} from './lab-broker.ts'
import {
  callApi,
  readTunnel,
  registerByApi,
  registerByForm,
  runScript,
  type Ticket,
  type TunnelView,
} from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'
import type { Reply } from './register-many.ts'
import { STEPS } from './steps.ts'

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const REGISTER_MANY = join(import.meta.dirname, 'register-many.ts')

const layout: Layout = process.argv[2] === 'per-tunnel' ? 'per-tunnel' : 'shared'

/** Quick enough to watch a tunnel die; slow enough for a visitor on a slow machine to run the script in time. */
const ATTENTIVE: Settings = { layout, reachability: 'require', monitorInterval: '1s', threshold: 5 }
/** Keeps tunnels that nobody has set up. */
const PATIENT: Settings = { layout, reachability: 'off', monitorInterval: '1h', threshold: 5 }

const FIRST_ENDPOINT = '192.0.2.2'
const SECOND_ENDPOINT = '192.0.2.22'
const NAME = `nic.ca.${ORIGIN}`
const REGISTRATIONS = 50
/** Six rounds of a second each, on a machine that may have much else to do: a look at the row starts a program too. */
const ROW_GONE_MS = 120_000
const KILL_AFTER = 20

const narrator = new Narrator(process.argv[3])
let broker: LabBroker | undefined
let ticket: Ticket
let tunnel: TunnelView

await narrator.step(STEPS.start, async () => {
  const made = spawnSync('sh', [TOPOLOGY], { encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
  broker = await LabBroker.start(ATTENTIVE)
  narrator.tell(`broker$ ${broker.command}`)
  narrator.tell(`| ${broker.readyLine}`)
  const route = narrator.run('broker', ['ip', '-6', 'route', 'show', '2001:db8:f6::/48'])
  assert.match(route.stdout, /^(?:blackhole|unreachable) 2001:db8:f6::\/48/)
})

await narrator.step(STEPS.register, async () => {
  const fields = { ipv4: FIRST_ENDPOINT, nicname: 'nic', country: 'ca', os: 'linux' }
  ticket = registerByForm(narrator, 'client', fields)
  const ran = runScript(narrator, 'client', ticket, 'up')
  assert.equal(ran.status, 0, 'the script ends well')
  tunnel = await until('the monitor to see the visitor', ROW_GONE_MS, () => activeTunnel(ticket))
  narrator.tell(`The tunnel ${tunnel.name} is ${tunnel.state}: ${tunnel.ipv6_client} at ${tunnel.device}.`)
  assert.equal(tunnel.name, NAME)
})

await narrator.step(STEPS.ping, () => {
  ping('client', INTERNET_IPV6)
  ping('internet', tunnel.ipv6_client)
})

await narrator.step(STEPS.names, () => {
  const forward = narrator.run('client', ['dig', `@${SERVER_IPV4}`, '+short', NAME, 'AAAA'])
  assert.equal(forward.stdout.trim(), tunnel.ipv6_client)
  const backward = narrator.run('client', ['dig', `@${SERVER_IPV4}`, '+short', '-x', tunnel.ipv6_client])
  assert.equal(backward.stdout.trim(), `${NAME}.`)
  // On a machine that is busy with other guests one of its own questions may come back late.
  const health = ['curl', '-sS', '--fail-with-body', '--retry', '10', '--retry-delay', '2', `${WEB}/healthz`]
  assert.equal(narrator.run('client', health).status, 0, 'the broker finds itself healthy')
})

await narrator.step(STEPS.second, () => {
  const fields = { ipv4: '192.0.2.3', nicname: 'other', country: 'fr', os: 'linux' }
  const other = registerByApi(narrator, 'client2', fields) as Ticket & TunnelView
  narrator.tell(`${other.name} is registered: ${other.ipv6_client} at ${other.device}.`)
  assert.equal(runScript(narrator, 'client2', other, 'up').status, 0)
  ping('client2', tunnel.ipv6_client)
  ping('client', other.ipv6_client)
  assert.equal(runScript(narrator, 'client2', other, 'down').status, 0)
  const status = callApi('client2', other, '', '-X', 'DELETE', '-o', '/dev/null', '-w', '%{http_code}').stdout
  narrator.tell(`DELETE of the second tunnel says ${status}.`)
  assert.equal(status, '204')
  assert.equal(readKernel(layout).has(networkOf(other.ipv6_client)), false, 'its interface is gone')
})

await narrator.step(STEPS.rivals, async () => {
  const replies = await registerMany(5, 'rival')
  narrator.tell(`Five registrations of rival.ca at once: ${replies.map(({ status }) => status).join(', ')}.`)
  assert.equal(replies.filter(({ status }) => status === 201).length, 1)
  assert.equal(replies.filter(({ body }) => body.code === 'nicname-taken').length, 4)
  const silent = { ipv4: '192.0.2.99', nicname: 'silent', country: 'ca', os: 'linux' }
  const refusal = registerByApi(narrator, 'client2', silent) as { code: string; detail: string }
  narrator.tell(`${refusal.code}: ${refusal.detail}`)
  assert.equal(refusal.code, 'ipv4-unreachable')
})

await narrator.step(STEPS.move, () => {
  const change = [
    '-X',
    'PATCH',
    '-H',
    'Content-Type: application/json',
    '-d',
    `{"ipv4":"${SECOND_ENDPOINT}"}`,
  ]
  const moved = JSON.parse(callApi('client', ticket, '', ...change).stdout)
  narrator.tell(
    `PATCH {"ipv4":"${SECOND_ENDPOINT}"}: the endpoint is ${moved.ipv4_client} now, the address still ${moved.ipv6_client}.`,
  )
  assert.equal(moved.ipv4_client, SECOND_ENDPOINT)
  assert.equal(moved.ipv6_client, tunnel.ipv6_client)
  assert.equal(readKernel(layout).get(networkOf(tunnel.ipv6_client)), SECOND_ENDPOINT)
  assert.equal(runScript(narrator, 'client', ticket, 'up').status, 0)
  ping('client', INTERNET_IPV6)
  ping('internet', tunnel.ipv6_client)
})

await narrator.step(STEPS.undo, () => {
  assert.equal(runScript(narrator, 'client', ticket, 'down').status, 0)
  assert.equal(narrator.run('client', ['sh', '/run/lab/client/freenet6-down.sh']).status, 0)
  assert.equal(runQuietly('client', ['ip', 'link', 'show', 'freenet6']).status, 1)
  assert.equal(runQuietly('client', ['ip', '-6', 'route', 'show', 'default']).stdout, '')
})

await narrator.step(STEPS.silence, async () => {
  const gone = await until('the row to go', ROW_GONE_MS, () => (readRows().length === 0 ? true : undefined))
  assert.ok(gone)
  assert.equal(readKernel(layout).size, 0, 'the interface is gone')
  for (const question of [
    [NAME, 'AAAA'],
    ['-x', tunnel.ipv6_client],
  ]) {
    const reply = narrator.run('client', ['dig', `@${SERVER_IPV4}`, '+noall', '+comments', ...question], {
      only: /status:/,
    })
    assert.match(reply.stdout, /status: NXDOMAIN/)
  }
  // Its owner comes by with the key: it is back as it was, and then deleted for good.
  const status = callApi('client', ticket, '', '-o', '/dev/null', '-w', '%{http_code}').stdout
  narrator.tell(`GET of the dormant tunnel with its key says ${status}.`)
  assert.equal(status, '200')
  assert.equal(readRows().length, 1)
  assert.equal(readKernel(layout).size, 1, 'the interface is back')
  assert.match(
    narrator.run('client', ['dig', `@${SERVER_IPV4}`, '+short', NAME, 'AAAA']).stdout,
    /2001:db8:f6::2/,
  )
  assert.equal(
    callApi('client', ticket, '', '-X', 'DELETE', '-o', '/dev/null', '-w', '%{http_code}').stdout,
    '204',
  )
})

await narrator.step(STEPS.crash, async () => {
  assert.equal(await broker?.stop(), 0)
  broker = await LabBroker.start(PATIENT)
  const before = await registerMany(REGISTRATIONS, 'host#', replies => {
    if (replies === KILL_AFTER) void broker?.kill()
  })
  const promised = before.filter(({ status }) => status === 201)
  narrator.tell(
    `The broker was killed (kill -9) after ${KILL_AFTER} of ${REGISTRATIONS} replies; ${promised.length} were 201.`,
  )
  assert.ok(promised.length >= KILL_AFTER && promised.length < REGISTRATIONS, 'killed in the middle')
  broker = await LabBroker.start(PATIENT)
  narrator.tell(`It is started again: ${broker.readyLine}`)
  await until(
    'all tunnels to be active',
    ROW_GONE_MS,
    () => readRows().every(row => row.unreachable >= 0) || undefined,
  )
  const rows = readRows()
  const missing = promised.filter(({ body }) => !rows.some(({ id }) => id === body.id))
  assert.deepEqual(missing, [], 'every promise is kept')
  compareEverything(narrator, layout, rows)
})

await narrator.step(STEPS.stop, async () => {
  const start = performance.now()
  const code = await broker?.stop()
  narrator.tell(`SIGTERM: exit status ${code} after ${Math.round(performance.now() - start)} ms.`)
  assert.equal(code, 0)
})

if (narrator.hasFailed && broker !== undefined)
  process.stdout.write(`\nThe broker's last words:\n${broker.output.slice(-4000)}\n`)
await broker?.kill()
narrator.end()
process.exitCode = narrator.hasFailed ? 1 : 0

/** The tunnel once the monitor has counted an answer; undefined before. */
function activeTunnel(of: Ticket): TunnelView | undefined {
  const view = readTunnel('client', of)
  return view.state === 'active' ? view : undefined
}

function ping(host: Host, address: string): void {
  const { status } = narrator.run(host, ['ping', '-6', '-c', '1', '-W', '3', address], {
    only: /bytes from|packet loss/,
  })
  assert.equal(status, 0, `${host} gets no answer from ${address}`)
}

/** Registrations from the second client, each from its own endpoint. `seen` hears of every reply 201 as it comes. */
async function registerMany(
  count: number,
  nicname: string,
  seen: (created: number) => void = () => {},
): Promise<Reply[]> {
  const command = [process.execPath, REGISTER_MANY, WEB, String(count), nicname]
  const child = spawn('ip', ['netns', 'exec', 'client2', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const replies: Reply[] = []
  let created = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const reply: Reply = JSON.parse(line)
    replies.push(reply)
    if (reply.status === 201) seen(++created)
  }
  return replies
}
