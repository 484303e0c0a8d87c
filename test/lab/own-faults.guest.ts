/**
 * Faults of our own that must never be counted as a client's silence: the real program at rounds of a second, the real
 * kernel, and somebody who pulls cables and changes what is not his.
 *
 *   uml-run -- node test/lab/own-faults.guest.ts LAYOUT
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LAYOUTS } from './kernel-view.ts'
import { LabBroker, readRows, SERVER_IPV4, until, WEB } from './lab-broker.ts'
import { registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'
import { type Fault, faultsOfOurEnd, outages } from './own-faults.ts'
import { renumber } from './renumber.ts'
import { roundsIn } from './round-log.ts'
import { must, on } from './script-client.ts'

type Registered = Ticket & TunnelView

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
/** Endpoints of the second client's host, a tunnel each: with the first two they are a crowd. */
const CROWD = ['192.0.2.11', '192.0.2.12', '192.0.2.13', '192.0.2.14']
/** More than the threshold: a fault that was counted would cost a tunnel. */
const ROUNDS = 7
const THRESHOLD = 5
const OUTAGE_SECONDS = 40
/** Seconds on a machine of one's own; the guest's processor may get a tenth of one. */
const PATIENCE_MS = 120_000
const LAST_WORDS = 8000

process.env.FREENET6_LOG_LEVEL = 'debug' // the log then tells what each round counted
const narrator = new Narrator()
const asked = LAYOUTS.filter(layout => layout === process.argv[2])

for (const layout of asked) {
  describe(`layout ${layout}`, { concurrency: false }, () => {
    let broker: LabBroker
    let tunnels: readonly Registered[] = []

    before(async () => {
      must('sh', TOPOLOGY)
      broker = await LabBroker.start({
        layout,
        reachability: 'off',
        monitorInterval: '1s',
        threshold: THRESHOLD,
      })
    })
    after(() => broker.kill())

    test('two visitors register, run their scripts and are heard', async () => {
      tunnels = [register('192.0.2.2', 'client'), register('192.0.2.3', 'client2')]
      await allAnswer()
      await assertNobodyIsLost()
    })

    for (const fault of faultsOfOurEnd(layout)) {
      test(`${fault.name}: it is mended, and neither of the two is counted silent`, () => endure(fault))
    }

    test('two customers who have swapped addresses are both served again when both have said so', async () => {
      renumber('client', '192.0.2.3')
      renumber('client2', '192.0.2.2')
      const [one, two] = tunnels
      assert.equal(update('client', one), 'good 192.0.2.3')
      assert.match(update('client2', two), /^(?:good|nochg) 192\.0\.2\.2$/)
      await allAnswer()
      await assertNobodyIsLost()
    })

    for (const fault of outages(OUTAGE_SECONDS)) {
      test(`${fault.name}: nobody of a crowd is counted silent`, async () => {
        joinCrowd()
        await allAnswer()
        await endure(fault)
      })
    }

    /** What is amiss afterwards is told with what the broker and its kernel say. */
    async function endure(fault: Fault): Promise<void> {
      const start = Date.now()
      const rounds = () => roundsIn(broker.output).filter(({ time }) => time >= start)
      try {
        for (const command of fault.begin) must(...command)
        await sleep((fault.lasts ?? 0) * 1000)
        if (fault.health !== undefined) await untilTold(fault.health)
        for (const command of fault.end ?? []) must(...command)
        await until('the end of the fault', PATIENCE_MS, () => fault.isMended?.() !== false || undefined)
        await assertNobodyIsLost()
        await until('rounds to pass', PATIENCE_MS, () => rounds().length >= ROUNDS || undefined)
        await allAnswer()
        assert.deepEqual(
          rounds().filter(({ silent, removed }) => silent + removed > 0),
          [],
        )
      } catch (error) {
        throw new Error(`${fault.name}\n${kernelOfBroker()}\n${broker.output.slice(-LAST_WORDS)}`, {
          cause: error,
        })
      }
    }

    /** Four more tunnels of one host, made by hand: a crowd is what more than half of is never silent together. */
    function joinCrowd(): void {
      for (const [index, ipv4] of CROWD.slice(tunnels.length - 2).entries()) {
        must('ip', '-n', 'client2', 'address', 'add', `${ipv4}/24`, 'dev', 'eth0')
        const tunnel = registerByApi(narrator, 'client2', fieldsOf(ipv4, `crowd${index}`)) as Registered
        const device = `crowd${index}`
        const ends = ['mode', 'sit', 'remote', SERVER_IPV4, 'local', ipv4]
        must('ip', '-n', 'client2', 'tunnel', 'add', device, ...ends)
        must('ip', '-n', 'client2', 'link', 'set', device, 'up')
        must(
          'ip',
          '-n',
          'client2',
          '-6',
          'address',
          'add',
          `${tunnel.ipv6_client}/64`,
          'dev',
          device,
          'nodad',
        )
        tunnels = [...tunnels, tunnel]
      }
    }

    async function allAnswer(): Promise<void> {
      await until('all to answer', PATIENCE_MS, () => {
        return roundsIn(broker.output).at(-1)?.answered === tunnels.length || undefined
      })
    }

    /** Rows and names are there, and pings pass from beyond the broker to the two whose hosts lead everything back. */
    async function assertNobodyIsLost(): Promise<void> {
      const ids = readRows().map(({ id }) => id)
      assert.deepEqual(ids, tunnels.map(({ id }) => id).sort())
      const questions = tunnels.flatMap(({ name }) => [name, 'AAAA'])
      const lines = on('client', 'dig', `@${SERVER_IPV4}`, '+short', ...questions)
        .trim()
        .split('\n')
      assert.deepEqual(
        lines.filter(line => !line.startsWith(';')), // a query may be lost where a cable is just plugged in
        tunnels.map(({ ipv6_client }) => ipv6_client),
      )
      for (const { ipv6_client } of tunnels.slice(0, 2)) await pingUntil('internet', ipv6_client)
    }
  })
}

/** Waits until /healthz is 503 and says so. */
async function untilTold(reason: RegExp): Promise<void> {
  await until(`/healthz to say ${reason}`, PATIENCE_MS, () => {
    const { stdout } = runQuietly('broker', ['curl', '-s', '-w', '\n%{http_code}', `${WEB}/healthz`])
    return (stdout.endsWith('\n503') && reason.test(stdout)) || undefined
  })
}

/** Registers from the host and runs the script there. */
function register(ipv4: string, host: Host): Registered {
  const tunnel = registerByApi(narrator, host, fieldsOf(ipv4, host)) as Registered
  assert.equal(runScript(narrator, host, tunnel, 'up').status, 0)
  return tunnel
}

/** What a client's program says from the host when its address has changed; returns the broker's word. */
function update(host: Host, tunnel: Registered | undefined): string {
  const { id, key, name } = tunnel ?? assert.fail('it is not registered')
  return on(host, 'curl', '-4sS', '-u', `${id}:${key}`, `${WEB}/nic/update?hostname=${name}`).trim()
}

function fieldsOf(ipv4: string, nicname: string): Readonly<Record<string, string>> {
  return { ipv4, nicname, country: 'ca', os: 'linux' }
}

async function pingUntil(host: Host, address: string): Promise<void> {
  const isThere = () => runQuietly(host, ['ping', '-6', '-c', '1', '-W', '1', address]).status === 0
  await until(`${address} to answer ${host}`, PATIENCE_MS, () => isThere() || undefined)
}

function kernelOfBroker(): string {
  const looks = ['ip -d address', 'ip -6 route', 'ip -6 route show table local', 'nft list ruleset']
  return looks.map(look => `${look}\n${runQuietly('broker', look.split(' ')).stdout}`).join('\n')
}
