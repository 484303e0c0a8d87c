/**
 * Debian's knotd and named as secondaries of the running program: random registrations and removals, as fast as they are
 * told to come, and then both hold what a fresh dump of ours holds. To make more changes:
 *
 *     FREENET6_CHANGES=10000 node --test test/peers/secondaries.test.ts
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'smol-toml'
import { freePort } from '../../bench/running-server.ts'
import type { StatusReport } from '../../src/operator/status.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { makeCertificate } from '../certificate.ts'
import { missingPackages, requirePackages } from '../packages.ts'
import { runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { Churn } from './churn.ts'
import { type BrokerOptions, brokerConfig, KEY_NAME, SECRET, SIGNED, ZONES } from './followed-broker.ts'
import { SecondaryServer } from './secondary-server.ts'
import { dumpZone, serialAt } from './zone-dump.ts'

const CHANGES = Number(process.env.FREENET6_CHANGES ?? 4000)
const CHANGES_A_SECOND = 500
const NAMES = ['knotd', 'named'] as const
const PATIENCE_MS = 90_000
/** The bar is two seconds from the last change; a machine that does much else beside takes longer. */
const LONGEST_LAG_MS = 60_000
const LAG_POLL_MS = 20

let dir: string
let stack: AsyncDisposableStack
let secondaries: readonly SecondaryServer[]
let primary: Endpoint

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-secondaries-'))
  stack = new AsyncDisposableStack()
  secondaries = await Promise.all(NAMES.map(name => SecondaryServer.prepare(name, dir)))
  for (const secondary of secondaries) stack.use(secondary)
  primary = { address: '127.0.0.1', port: await freePort() }
})

afterEach(async () => {
  await stack.disposeAsync()
  rmSync(dir, { recursive: true, force: true })
})

function config(options: BrokerOptions = {}): string {
  return brokerConfig(primary, secondaries, options)
}

function startSecondaries({ secret = SECRET } = {}): void {
  for (const secondary of secondaries) secondary.start({ primary, zones: ZONES, secret, keyName: KEY_NAME })
}

async function dump({ address, port }: Endpoint, zone: string): Promise<readonly string[]> {
  const isOurs = port === primary.port
  return dumpZone({ address, port }, zone, isOurs ? SIGNED : ['-b', address])
}

/** Waits until both secondaries hold what we hold. */
async function untilEqual(zones: readonly string[] = ZONES): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(500)) {
    const unequal = await findUnequal(zones)
    if (unequal === undefined) return
    if (performance.now() > deadline) assert.fail(unequal)
  }
}

/** Milliseconds until both secondaries have our serials; to be called when the last change has been acknowledged. */
async function lagOf(zones: readonly string[] = ZONES): Promise<number> {
  const began = performance.now()
  for (const zone of zones) {
    const ours = await serialAt(primary, zone)
    for (const { endpoint, name } of secondaries) {
      while ((await serialAt(endpoint, zone)) !== ours) {
        assert.ok(performance.now() - began < PATIENCE_MS, `${name} stays behind in ${zone}`)
        await sleep(LAG_POLL_MS)
      }
    }
  }
  return performance.now() - began
}

async function findUnequal(zones: readonly string[]): Promise<string | undefined> {
  for (const zone of zones) {
    const ours = await dump(primary, zone)
    if (ours.length < 2) return `no dump of ${zone}` // a secondary may be at it: two transfers go to an address at a time
    for (const secondary of secondaries) {
      const theirs = await dump(secondary.endpoint, zone)
      if (ours.join('\n') !== theirs.join('\n'))
        return `${zone}: ${ours.length} records, ${theirs.length} at ${secondary.linesAbout(zone.slice(0, -1))}`
    }
  }
  return undefined
}

/** Waits until the status has every secondary at our serials: the answer to a last NOTIFY may come after the transfer. */
async function untilAllAcknowledged(server: Server): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(500)) {
    const { secondaries: known } = await statusOf(server)
    assert.equal(known.length, ZONES.length * secondaries.length)
    const behind = known.filter(
      ({ serial, acknowledged, transferred, lag, answer }) =>
        acknowledged !== serial || transferred !== serial || lag !== 0 || answer !== 'NOERROR',
    )
    if (behind.length === 0) return
    if (performance.now() > deadline) assert.deepEqual(behind, [])
  }
}

async function statusOf(server: Server): Promise<StatusReport> {
  const { stdout } = await runCli(['status', '--json', '--config', join(server.dir, 'freenet6.toml')])
  return JSON.parse(stdout) as StatusReport
}

/** Changes our zones while secondaries follow over TLS; returns how many transfers the first of them had. */
async function followedOver({ tlsPort, config }: { tlsPort: number; config: string }) {
  await using server = await startServer({ dir, config })
  for (const secondary of secondaries)
    secondary.start({ primary, tlsPort, zones: ZONES, secret: SECRET, keyName: KEY_NAME })
  await untilEqual()
  await new Churn(CHANGES_A_SECOND).run(server, 300)
  await untilEqual()
  return secondaries[0]?.transfers ?? assert.fail('no secondary')
}

suite('knotd and named as secondaries', {
  skip: (await missingPackages(['knotd', 'named', 'dig'])) ?? false,
}, () => {
  test('follow random changes by IXFR alone after one AXFR, over kill -9 and a restart too', async t => {
    const churn = new Churn(CHANGES_A_SECOND)
    {
      await using server = await startServer({ dir, config: config() })
      startSecondaries()
      await untilEqual()
      await churn.run(server, CHANGES / 2)
      await untilEqual()
      await server.kill()
    }
    await using server = await startServer({ dir, config: config() })
    await churn.run(server, CHANGES / 2)
    const lag = await lagOf()
    t.diagnostic(`equal ${Math.round(lag)} ms after the last of ${CHANGES} changes`)
    assert.ok(lag < LONGEST_LAG_MS, `${lag} ms`)
    await untilEqual()
    for (const secondary of secondaries) {
      const { full, incremental } = secondary.transfers
      t.diagnostic(`${secondary.name}: ${full} full and ${incremental} incremental transfers`)
      assert.equal(full, ZONES.length, secondary.linesAbout('AXFR'))
      assert.ok(incremental >= ZONES.length)
    }
    await untilAllAcknowledged(server)
  })

  test('take the whole zone again where the journal was trimmed meanwhile', async () => {
    const churn = new Churn(CHANGES_A_SECOND)
    const small = config({ journalBytes: 20_000 })
    await using server = await startServer({ dir, config: small })
    startSecondaries()
    await untilEqual()
    for (const secondary of secondaries) await secondary[Symbol.asyncDispose]()
    await churn.run(server, 1000)
    startSecondaries()
    await untilEqual()
    for (const { transfers, name } of secondaries)
      assert.ok(transfers.full > ZONES.length, `${name}: ${transfers.full}`)
  })

  test('take the zones that the catalog zone lists, and one that comes with a reload', async () => {
    mkdirSync(join(dir, 'zones'))
    await using server = await startServer({ dir, config: config({ catalog: 'catalog.invalid' }) })
    for (const secondary of secondaries)
      secondary.start({ primary, zones: [], catalog: 'catalog.invalid', secret: SECRET, keyName: KEY_NAME })
    await untilEqual()
    writeFileSync(
      join(dir, 'zones', 'more.example.zone'),
      '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n',
    )
    assert.equal((await runCli(['reload', '--config', join(server.dir, 'freenet6.toml')])).code, 0)
    await untilEqual([...ZONES, 'more.example.'])
  })

  test('named follows over TLS alone (RFC 9103)', async t => {
    if (!(await requirePackages(t, ['openssl']))) return
    const tlsPort = await freePort()
    const files = makeCertificate(dir)
    const tls = `[dns.tls]\nlisten = ["127.0.0.1:${tlsPort}"]\n${stringify(files)}`
    secondaries = secondaries.filter(({ name }) => name === 'named')
    const { full, incremental } = await followedOver({ tlsPort, config: `${config()}${tls}` })
    t.diagnostic(`named: ${full} full and ${incremental} incremental transfers over TLS`)
    assert.ok(full === ZONES.length && incremental > 0)
  })

  test('named follows a primary whose certificate it knows, and none that shows another one', async t => {
    if (!(await requirePackages(t, ['openssl']))) return
    const tlsPort = await freePort()
    const files = makeCertificate(dir)
    const other = makeCertificate(dir, { name: 'other' })
    const tls = `[dns.tls]\nlisten = ["127.0.0.1:${tlsPort}"]\n${stringify(files)}`
    secondaries = secondaries.filter(({ name }) => name === 'named')
    const named = secondaries[0] ?? assert.fail('no named')
    await using _server = await startServer({ dir, config: `${config()}${tls}` })
    const where = { primary, tlsPort, zones: ZONES, secret: SECRET, keyName: KEY_NAME }
    named.start({ ...where, certificate: other.certificate })
    await until(() => /certificate verif/i.test(named.linesAbout('verif')), 'named has nothing to say of it')
    assert.deepEqual(named.transfers, { full: 0, incremental: 0 })
    await named[Symbol.asyncDispose]()
    named.start({ ...where, certificate: files.certificate })
    await untilEqual()
  })

  test('get nothing with a wrong key, and are told so in our status', async () => {
    await using server = await startServer({ dir, config: config() })
    startSecondaries({ secret: Buffer.from('thirty-two octets nobody knows..').toString('base64') })
    await sleep(3000)
    for (const secondary of secondaries) {
      for (const zone of ZONES) assert.deepEqual(await dump(secondary.endpoint, zone), [])
      assert.deepEqual(secondary.transfers, { full: 0, incremental: 0 })
    }
    for (const { acknowledged, transferred, answer } of (await statusOf(server)).secondaries) {
      assert.deepEqual([acknowledged, transferred], [null, null])
      assert.equal(answer, 'NOTAUTH (BADSIG): it has another secret')
    }
    const refusals = server.stderr.split('\n').filter(line => line.includes('a zone transfer is refused'))
    for (const { endpoint } of secondaries)
      assert.ok(
        refusals.some(line => line.includes(`"${endpoint.address}"`) && line.includes('another secret')),
      )
  })
})
