/**
 * Why a tunnel is dead: each fault made on a real kernel, and what the running service says of it. One test builds on
 * the one before.
 *
 *   uml-run -- node test/lab/diagnosis.guest.ts
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { INTERNET_IPV6, LabBroker, until, WEB } from './lab-broker.ts'
import { callApi, readTunnel, registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const CLIENT = '192.0.2.2'
const JAR = '/run/lab/cookies'
/** A diagnosis is given again for ten seconds. */
const FORGOTTEN_MS = 10_500
/** The guest's processor may get a tenth of one. */
const PATIENCE_MS = 120_000

const narrator = new Narrator()

describe('why a tunnel is dead', { concurrency: false }, () => {
  let broker: LabBroker
  let tunnel: Ticket & TunnelView

  before(async () => {
    must('sh', TOPOLOGY)
    rmSync('/run/lab/data', { recursive: true, force: true })
    broker = await LabBroker.start({
      layout: 'shared',
      reachability: 'off',
      monitorInterval: '1s',
      threshold: 1000,
    })
    tunnel = registerByApi(narrator, 'client', {
      ipv4: CLIENT,
      nicname: 'dead',
      country: 'ca',
      os: 'linux',
    }) as Ticket & TunnelView
  })
  after(() => broker.kill())

  test('nobody has run the script', async () => {
    await reached('waiting')
    assert.equal(findingFrom('client'), 'never-heard')
  })

  test('the script has run: small and large packets pass', async () => {
    assert.equal(runScript(narrator, 'client', tunnel, 'up').status, 0)
    await reached('active')
    assert.equal(findingFrom('client'), 'well')
    const { seen } = JSON.parse(callApi('client', tunnel, '/diagnosis').stdout) as { readonly seen: object }
    assert.deepEqual(seen, { tunnel: 'answered', large: 'answered', endpoint: 'not-asked' })
  })

  test('what rounds find and packets that come are on the pages', async () => {
    await until('a round on the status page', PATIENCE_MS, () =>
      /1 of 1 tunnels answered/.test(page('/status')) ? true : undefined,
    )
    const signIn = ['--data-urlencode', `reference=${tunnel.id}`, '--data-urlencode', `key=${tunnel.key}`]
    page('/tunnels', '-H', `Origin: ${WEB}`, ...signIn)
    // Between two readings lies twenty times what one costs, and on a busy machine that is a while.
    await until('counted packets', 3 * PATIENCE_MS, () =>
      /class="chart time"[\s\S]*class="chart count"/.test(page(`/tunnels/${tunnel.id}/history`))
        ? true
        : undefined,
    )
  })

  test('the client drops large packets', async () => {
    await filtered('ip6', 'meta length gt 1400 drop', () => assert.equal(findingFrom('client'), 'large-lost'))
  })

  test('the client drops echo requests, and goes on sending', async () => {
    const pings = spawn('ip', ['netns', 'exec', 'client', 'ping', '-6', '-i', '0.2', INTERNET_IPV6])
    try {
      await filtered('ip6', 'icmpv6 type echo-request drop', () =>
        assert.equal(findingFrom('client'), 'echo-filtered'),
      )
    } finally {
      pings.kill('SIGKILL')
    }
  })

  test('a firewall before the client drops protocol 41', async () => {
    await filtered('ip', 'ip protocol 41 drop', () => assert.equal(findingFrom('client'), 'tunnel-filtered'))
  })

  test('the client is gone, and its owner is somewhere else', async () => {
    const all = 'ip saddr 192.0.2.1 meta l4proto { 41, icmp } drop'
    await filtered('ip', all, () => {
      assert.equal(findingFrom('client'), 'endpoint-silent')
      assert.equal(findingFrom('client2'), 'endpoint-elsewhere')
    })
  })

  test('all filters are gone: the tunnel works again', async () => {
    await sleep(FORGOTTEN_MS)
    assert.equal(findingFrom('client'), 'well')
  })

  async function reached(state: string): Promise<void> {
    const look = () => (readTunnel('client', tunnel).state === state ? true : undefined)
    await until(`the state ${state}`, PATIENCE_MS, look)
  }

  function findingFrom(host: Host): string {
    const { stdout } = callApi(host, tunnel, '/diagnosis')
    const { finding } = JSON.parse(stdout) as { readonly finding?: string }
    return finding ?? stdout
  }
})

function page(path: string, ...options: readonly string[]): string {
  const jar = ['-c', JAR, '-b', JAR]
  return runQuietly('client', ['curl', '-sS', ...jar, ...options, `${WEB}${path}`]).stdout
}

/** Does the work while the client drops what a rule says, once the last diagnosis is forgotten. */
async function filtered(family: 'ip' | 'ip6', rule: string, work: () => void): Promise<void> {
  await sleep(FORGOTTEN_MS)
  const lines = [
    `add table ${family} lab`,
    `add chain ${family} lab in { type filter hook input priority filter; }`,
    `add rule ${family} lab in ${rule}`,
  ]
  must('ip', 'netns', 'exec', 'client', 'nft', lines.join('; '))
  try {
    work()
  } finally {
    must('ip', 'netns', 'exec', 'client', 'nft', `delete table ${family} lab`)
  }
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
