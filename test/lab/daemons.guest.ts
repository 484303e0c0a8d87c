/**
 * ddclient and inadyn as the daemons that they are, with the lines of the tunnel's page, through a change of their host's
 * address: the real program at rounds of a second, real tunnels.
 *
 *   uml-run -- node test/lab/daemons.guest.ts
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  ddclientLines,
  FOLLOW_PATH,
  followLines,
  inadynLines,
  KEY_PLACE,
  SCRIPT_PATH,
} from '../../src/portal/update-lines.ts'
import { LabBroker, readRows, SERVER_IPV4, until, WEB } from './lab-broker.ts'
import { callApi, registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'
import { renumber } from './renumber.ts'
import { must, on } from './script-client.ts'

type Registered = Ticket & TunnelView

interface Daemon {
  readonly name: 'ddclient' | 'inadyn'
  readonly host: Host
  readonly addresses: readonly [first: string, second: string]
}

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const DIRECTORY = '/run/lab/daemons'
const DAEMONS: readonly Daemon[] = [
  { name: 'ddclient', host: 'client', addresses: ['192.0.2.2', '192.0.2.22'] },
  { name: 'inadyn', host: 'client2', addresses: ['192.0.2.3', '192.0.2.33'] },
]
const COMMANDS = {
  ddclient: {
    own: '',
    lines: ddclientLines,
    command: (config: string) => {
      const files = ['-file', config, '-cache', `${config}.cache`, '-pid', `${config}.pid`]
      return ['ddclient', '-daemon', '10', '-foreground', '-verbose', ...files]
    },
  },
  inadyn: {
    /** It looks every two minutes unless it is told otherwise. */
    own: 'period = 30\n',
    lines: inadynLines,
    command: (config: string, follower: string) => {
      const files = ['-f', config, '--cache-dir', DIRECTORY, '-P', `${config}.pid`]
      return ['inadyn', '--foreground', '--exec', follower, '--loglevel', 'debug', ...files]
    },
  },
} as const
/** Both look at their address every 30 seconds, and ddclient updates no more often. */
const FOLLOWED_MS = 150_000
const PATIENCE_MS = 120_000

const narrator = new Narrator()

describe('clients of dynamic DNS, as daemons', { concurrency: false }, () => {
  const tunnels = new Map<Daemon, Registered>()
  const children: ChildProcess[] = []
  let broker: LabBroker
  /** What the daemons have said, in their debug words. */
  let said = ''

  before(async () => {
    must('sh', TOPOLOGY)
    mkdirSync(DIRECTORY, { recursive: true })
    broker = await startBroker(120)
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await broker.kill()
  })

  test('two visitors register, run their scripts and start their daemons', async () => {
    for (const daemon of DAEMONS) {
      const fields = { ipv4: daemon.addresses[0], nicname: daemon.name, country: 'ca', os: 'linux' }
      const tunnel = registerByApi(narrator, daemon.host, fields) as Registered
      tunnels.set(daemon, tunnel)
      assert.equal(runScript(narrator, daemon.host, tunnel, 'up').status, 0)
      children.push(start(daemon, keepFiles(daemon, tunnel)))
    }
    await until('both to be told that nothing has changed', PATIENCE_MS, () => {
      return DAEMONS.every(({ addresses }) => said.includes(`nochg ${addresses[0]}`)) || undefined
    })
  })

  test('both hosts get another address: names stay, and pings go on when the daemons have noticed', async () => {
    for (const { host, addresses } of DAEMONS) renumber(host, addresses[1])
    await until('both tunnels to follow', FOLLOWED_MS, () => {
      assertNamesStand()
      return haveFollowed(1)
    })
    await assertPingsPass()
  })

  test('both are taken down for their silence before their daemons notice, and come back as they were', async () => {
    assert.equal(await broker.stop(), 0)
    broker = await startBroker(1)
    await until(
      'both to answer',
      PATIENCE_MS,
      () => readRows().every(({ unreachable }) => unreachable === 0) || undefined,
    )
    for (const { host, addresses } of DAEMONS) renumber(host, addresses[0])
    await until('both to go', PATIENCE_MS, () => readRows().length === 0 || undefined)
    await until('both to come back', FOLLOWED_MS, () => haveFollowed(0))
    assertNamesStand()
    await assertPingsPass()
  })

  function start({ host }: Daemon, command: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', host, ...command], { stdio: 'pipe' })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        said += text
      })
    }
    return child
  }

  function haveFollowed(index: 0 | 1): true | undefined {
    const rows = readRows()
    const hasFollowed = (daemon: Daemon) => {
      const row = rows.find(({ id }) => id === tunnels.get(daemon)?.id)
      return row?.IPv4client === daemon.addresses[index]
    }
    return DAEMONS.every(hasFollowed) || undefined
  }

  function assertNamesStand(): void {
    for (const { name, ipv6_client } of tunnels.values()) {
      assert.equal(on('broker', 'dig', `@${SERVER_IPV4}`, '+short', name, 'AAAA').trim(), ipv6_client)
    }
  }

  async function assertPingsPass(): Promise<void> {
    for (const { ipv6_client } of tunnels.values()) {
      const ping = ['ping', '-6', '-c', '1', '-W', '1', ipv6_client]
      const isThere = () => runQuietly('internet', ping).status === 0
      await until(`${ipv6_client} to answer`, PATIENCE_MS, () => isThere() || undefined)
    }
  }
})

function startBroker(threshold: number): Promise<LabBroker> {
  return LabBroker.start({ layout: 'shared', reachability: 'require', monitorInterval: '1s', threshold })
}

/** Writes a daemon's files as the tunnel's page gives them, and returns how it is started. */
function keepFiles(daemon: Daemon, tunnel: Registered): readonly string[] {
  const directory = join(DIRECTORY, daemon.name)
  mkdirSync(directory, { recursive: true })
  const keep = (name: string, text: string, mode = 0o600) => {
    const file = join(directory, name)
    writeFileSync(file, `${text}\n`, { mode }) // both insist that nobody else can read the key
    return file
  }
  const script = keep('up.sh', callApi(daemon.host, tunnel, '/script?os=linux&action=up').stdout)
  const follower = keep('follow', followLines().replace(SCRIPT_PATH, script), 0o755)
  const lines = COMMANDS[daemon.name].lines({
    id: tunnel.id,
    name: tunnel.name,
    url: WEB,
    hasShellScript: true,
  })
  const own = COMMANDS[daemon.name].own
  const config = keep('conf', own + lines.replace(KEY_PLACE, tunnel.key).replace(FOLLOW_PATH, follower))
  return COMMANDS[daemon.name].command(config, follower)
}
