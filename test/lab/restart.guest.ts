/**
 * Restarts of the real program while pings run through its tunnels: what carries them is not touched.
 *
 *   uml-run -- node test/lab/restart.guest.ts kernel
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Step } from '../served/handover-hook.ts'
import { CONFIG_FILE, INTERNET_IPV6, LabBroker, readRows, type Settings, until, WEB } from './lab-broker.ts'
import { registerByApi, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, type Outcome, runQuietly } from './narrator.ts'
import { descriptorsOf, isRunning, programsBeside } from './processes-seen.ts'
import { Recorder } from './recorder.ts'
import { TunnelPing } from './tunnel-ping.ts'

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const RESTART = [process.execPath, 'src/cli.ts', 'restart', '--json', '--config', CONFIG_FILE]
const WIREGUARD = 'fn6-wg'
const PATIENCE_MS = 120_000
/** A guest on a busy machine takes a minute. */
const RESTART_MS = 240_000
/** A health check or a round may be under way. */
const SPARE_DESCRIPTORS = 2
const LOOKS = 30
const LOOK_EVERY_MS = 50
/** The kernel numbers our routes so. */
const OUR_ROUTES = /proto 24[67]/

const program = process.argv[2] === 'wireguard-go' ? 'wireguard-go' : 'kernel'
/** Restarts in a row that are looked at for descriptors. */
const MANY = Number(process.argv[3] ?? 0)
const SETTINGS: Settings = {
  layout: 'shared',
  reachability: 'off',
  monitorInterval: '2s',
  threshold: 3,
  // The machine that runs wireguard-go for want of a module may lack the other kind's as well.
  ...(program === 'kernel' ? {} : { kinds: ['wireguard'] }),
}
const HOSTS: readonly Host[] = program === 'kernel' ? ['client', 'client2'] : ['client2']
const narrator = new Narrator()
/** Where it is said at which step a process is to die, as by kill -9. */
const STEP_FILE = '/run/lab/step'
/** When it has the table, answers alone, and has made its monitors. */
const LATE_DEATH: Step = { of: 'successor', at: 'before saying', kind: 'serving', what: 'kill' }
Object.assign(process.env, {
  NODE_OPTIONS: `--import=${new URL('../served/handover-hook.ts', import.meta.url).href}`,
  FREENET6_TEST_STEP: STEP_FILE,
})

interface Registered extends TunnelView {
  readonly wireguard: { readonly server_public_key: string; readonly endpoint: string }
}

describe(`restarts while tunnels carry, ${program}`, { concurrency: false }, () => {
  let broker: LabBroker
  let pings: readonly TunnelPing[] = []
  let monitors: readonly Recorder[] = []
  let early: KernelState
  let children: readonly string[]
  /** The process that is the service. */
  let serving = 0

  before(async () => {
    must('sh', TOPOLOGY)
    rmSync('/run/lab/data', { recursive: true, force: true })
    broker = await LabBroker.start(SETTINGS)
    serving = broker.pid
    const two = register({ kind: 'wireguard', public_key: newKey('/run/lab/two.key'), nicname: 'two' })
    connectWireguard('client2', two)
    if (program === 'kernel')
      connectSit('client', register({ kind: 'sit', ipv4: '192.0.2.2', nicname: 'one' }))
    for (const host of HOSTS) await until(`an answer to ${host}`, PATIENCE_MS, () => isAnswered(host))
    monitors = [
      new Recorder('broker', ['ip', '-oneline', 'monitor', 'link', 'address', 'route']),
      new Recorder('broker', ['nft', 'monitor']),
    ]
    children = await lastingChildren()
    pings = HOSTS.map(host => new TunnelPing(host, INTERNET_IPV6))
    early = kernelState()
  })

  after(async () => {
    for (const one of [...pings, ...monitors]) await one.end()
    for (const pid of [serving, broker.pid]) end(pid)
  })

  test('the service is restarted', () => restart())

  test('a successor with a wrong configuration leaves the process before in its place', () => {
    const sound = readFileSync(CONFIG_FILE, 'utf8')
    const wrong = '[dns.tls]\nlisten = ["192.0.2.1:853"]\ncertificate = "no.pem"\nkey = "no.pem"\n'
    writeFileSync(CONFIG_FILE, `${sound}\n${wrong}`)
    const { status, stdout } = askToRestart()
    writeFileSync(CONFIG_FILE, sound)
    assert.equal(status, 1, stdout)
    assert.match(stdout, /restart-failed.*no\.pem/)
    assert.ok(isRunning(serving))
  })

  test('a process that has closed its table goes on when its successor is killed', async () => {
    writeFileSync(STEP_FILE, JSON.stringify(LATE_DEATH))
    const { stdout } = askToRestart()
    assert.match(stdout, /restart-failed.*SIGKILL/)
    assert.ok(isRunning(serving))
    await settled()
  })

  test('the process before is killed when it has handed over', async () => {
    const former = serving
    serving = askedRestart()
    end(former)
    await settled()
  })

  test('many restarts leave no descriptor and no child behind', { skip: MANY === 0 }, async t => {
    const counts: number[] = []
    for (let times = 0; times < MANY; times++) {
      await restart()
      counts.push(await lastingDescriptors())
    }
    t.diagnostic(`descriptors: ${counts.join(' ')}`)
    const [first = 0] = counts
    assert.ok((counts.at(-1) ?? 0) <= first + SPARE_DESCRIPTORS, counts.join(' '))
  })

  test('no echo was lost, and nothing that carries a tunnel was changed', async t => {
    for (const ping of pings) {
      const { sent, lost } = await ping.end()
      t.diagnostic(`${ping.host}: ${sent} sent, lost: ${lost.join(' ') || 'none'}`)
      assert.deepEqual(lost, [], ping.host)
      assert.ok(sent > 50)
    }
    for (const { output } of monitors) assert.deepEqual(output.split('\n').filter(isHarm), [])
    const late = kernelState()
    assert.deepEqual(late.lasting, early.lasting)
    assert.equal(late.counts.length, early.counts.length)
    const grown = late.counts.map((count, at) => count - (early.counts[at] ?? 0))
    assert.ok(Math.min(...grown) >= 0, 'a counter has begun anew')
    assert.ok(Math.max(...grown) > 50)
  })

  test('the monitor has taken no restart for silence', () => {
    for (const { nicname, unreachable } of readRows()) assert.equal(unreachable, 0, nicname)
    assert.doesNotMatch(broker.output, /cut off|another program has changed|is not as tunnels need/)
  })

  test('what the last process is asked for it does, and with its end all ends that it should take along', async () => {
    register({ kind: 'wireguard', public_key: newKey('/run/lab/three.key'), nicname: 'three' })
    await until('its row', PATIENCE_MS, () => readRows().length === HOSTS.length + 1 || undefined)
    await until('its route', PATIENCE_MS, () =>
      monitors.some(({ output }) => output.split('\n').some(isHarm)) ? true : undefined,
    )
    process.kill(serving, 'SIGTERM')
    await until('the end', PATIENCE_MS, () => !isRunning(serving) || undefined)
    await until('the end of its children', PATIENCE_MS, () => childrenNow().length === 0 || undefined).catch(
      () => assert.deepEqual(childrenNow(), []),
    )
  })

  async function restart(): Promise<void> {
    const former = serving
    serving = askedRestart()
    await until('the process before to end', PATIENCE_MS, () => !isRunning(former) || undefined)
    await settled()
  }

  function askedRestart(): number {
    const { status, stdout, stderr } = askToRestart()
    assert.equal(status, 0, `${stdout}${stderr}\n${broker.output}`)
    return (JSON.parse(stdout) as { pid: number }).pid
  }

  /** One service with the children that the first had, and well. */
  async function settled(): Promise<void> {
    await until('the children', PATIENCE_MS, () =>
      `${childrenNow()}` === `${children}` ? true : undefined,
    ).catch(() => assert.deepEqual(childrenNow(), children))
    await until('it to be well', PATIENCE_MS, () => (/"ok"/.test(health()) ? true : undefined)).catch(() =>
      assert.fail(health()),
    )
  }

  function health(): string {
    return runQuietly('broker', ['curl', '-s', `${WEB}/healthz`]).stdout
  }

  function childrenNow(): readonly string[] {
    return programsBeside(
      serving,
      monitors.map(({ pid }) => pid),
    )
  }

  /** Without those of rounds and health checks, which come and go. */
  async function lastingDescriptors(): Promise<number> {
    const counts: number[] = []
    for (let look = 0; look < LOOKS; look++) {
      counts.push(descriptorsOf(serving))
      await sleep(LOOK_EVERY_MS)
    }
    return Math.min(...counts)
  }

  /** Those that are there several times in a row. */
  async function lastingChildren(): Promise<readonly string[]> {
    let same = 0
    let last = ''
    return until('the first process to come to rest', PATIENCE_MS, () => {
      const now = childrenNow()
      same = `${now}` === last && now.length > 0 ? same + 1 : 0
      last = `${now}`
      return same === 5 ? now : undefined
    })
  }
})

/**
 * Whether a line of a monitor tells of more than what each new process does: it tries whether devices can be made, puts
 * the pool's route in its own place, and all rules in theirs, in one transaction that keeps the sets.
 */
function isHarm(line: string): boolean {
  const isRule = /^(?:add|delete) (?:rule|chain) |^(?:add|delete) table ip6 |^add (?:table|set) ip |^# /.test(
    line,
  )
  return line !== '' && !isRule && !/\bfn6-(?:trial|wgtry)\b|^unreachable /.test(line)
}

function askToRestart(): Outcome {
  return runQuietly('broker', RESTART, { timeout: RESTART_MS })
}

interface KernelState {
  /** Interfaces, routes, elements and peers, with indexes and handles: what is made anew has others. */
  readonly lasting: readonly string[]
  /** What the kernel has counted for each. */
  readonly counts: readonly number[]
}

function kernelState(): KernelState {
  const links = inside('broker', 'ip', '-oneline', 'link', 'show').split('\n')
  const routes = inside('broker', 'ip', '-6', 'route', 'show', 'table', 'all').split('\n')
  const elements =
    program === 'kernel' ? inside('broker', 'nft', '-a', 'list', 'set', 'ip', 'freenet6', 'tunnels') : ''
  const peers = inside('broker', 'wg', 'show', WIREGUARD, 'dump').trim().split('\n').slice(1)
  const fields = peers.map(line => line.split('\t'))
  const counts = Array.from(elements.matchAll(/counter packets (\d+)/g), ([, count]) => Number(count))
  return {
    lasting: [
      ...links.filter(line => /^\d+: fn6-/.test(line)),
      ...routes.filter(line => OUR_ROUTES.test(line)),
      elements.replace(/counter packets \d+ bytes \d+/g, 'counter'),
      ...fields.map(([key, , endpoint, allowed]) => `${key} ${endpoint} ${allowed}`),
    ],
    counts: [...counts, ...fields.flatMap(([, , , , , received, sent]) => [Number(received), Number(sent)])],
  }
}

function register(fields: Readonly<Record<string, string>>): Registered {
  return registerByApi(narrator, 'broker', { country: 'ca', os: 'linux', ...fields }) as Registered
}

function newKey(file: string): string {
  mkdirSync('/run/lab', { recursive: true })
  return must('sh', '-c', `umask 077; wg genkey | tee ${file} | wg pubkey`).trim()
}

function connectSit(host: Host, { ipv6_client }: Registered): void {
  inside(host, ...'ip tunnel add t1 mode sit remote 192.0.2.1 local 192.0.2.2 ttl 64'.split(' '))
  inside(host, 'ip', 'link', 'set', 't1', 'up')
  inside(host, 'ip', 'addr', 'add', `${ipv6_client}/64`, 'dev', 't1', 'nodad')
  inside(host, ...'ip -6 route add default dev t1'.split(' '))
}

function connectWireguard(host: Host, { ipv6_client, wireguard }: Registered): void {
  if (program === 'kernel') inside(host, 'ip', 'link', 'add', 'wg2', 'type', 'wireguard')
  else inside(host, 'wireguard-go', 'wg2')
  const { server_public_key, endpoint } = wireguard
  const peer = ['peer', server_public_key, 'endpoint', endpoint, 'allowed-ips', '::/0']
  inside(host, 'wg', 'set', 'wg2', 'private-key', '/run/lab/two.key', ...peer)
  inside(host, 'ip', 'addr', 'add', `${ipv6_client}/64`, 'dev', 'wg2', 'nodad')
  inside(host, ...'ip link set wg2 mtu 1420 up'.split(' '))
  inside(host, ...'ip -6 route add default dev wg2'.split(' '))
}

function isAnswered(host: Host): true | undefined {
  const { status } = runQuietly(host, ['ping', '-6', '-c', '2', '-i', '0.2', '-W', '1', INTERNET_IPV6])
  return status === 0 || undefined
}

/** kill -9, of one that may have ended. */
function end(pid: number): void {
  if (pid > 1 && isRunning(pid)) process.kill(pid, 'SIGKILL')
}

function inside(host: Host, ...command: readonly string[]): string {
  return must('ip', 'netns', 'exec', host, ...command)
}

function must(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr }: Outcome = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}
