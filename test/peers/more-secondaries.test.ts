/**
 * Debian's NSD, YADIFA, PowerDNS and Unbound as secondaries of the running program, each as its manual has it: over TCP,
 * told of changes by NOTIFY.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { missingPackages } from '../packages.ts'
import { runCli, type Server, startServer } from '../spawn.ts'
import { Churn } from './churn.ts'
import { type BrokerOptions, brokerConfig, KEY_NAME, SECRET, SIGNED, ZONES } from './followed-broker.ts'
import { SCHEMA } from './secondaries/pdns.ts'
import { type SecondaryName, SecondaryServer } from './secondary-server.ts'
import { dumpZone, recordLines, serialAt } from './zone-dump.ts'

const CHANGES = 300
const CHANGES_A_SECOND = 100
const PATIENCE_MS = 60_000
const PAUSE_MS = 100
const ODD = 'Odd.example.'
/** What all four can hold: YADIFA refuses names with escapes, and text longer than its messages. */
const ODD_ZONE = `$TTL 300
@ 3600 SOA Ns1 Host\\.Master 4294967294 3600 600 1209600 60
@ NS ns1
@ MX 10 Mail.MixedCase
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
txt TXT "a" "b c" "" "semi;colon"
chunks TXT ${`"${'x'.repeat(255)}" `.repeat(9)}
caa CAA 128 iodef "mailto:a@b.example"
unknown TYPE65280 \\# 4 0A000001
*.wild A 192.0.2.9
*.wild TXT "w"
sub.*.wild TXT "below an asterisk"
dn DNAME Target.example.net.
cn CNAME CaSe.Example.Net.
cut NS ns.cut
cut NS ns.other.example.
ns.cut A 192.0.2.77
a.b.c.d.ent A 192.0.2.3
${'l'.repeat(63)}.${'m'.repeat(63)}.${'n'.repeat(63)} A 192.0.2.11
zero 0 A 192.0.2.13
max 2147483647 A 192.0.2.14
`

let dir: string
let stack: AsyncDisposableStack
let primary: Endpoint

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-more-secondaries-'))
  mkdirSync(join(dir, 'zones'))
  stack = new AsyncDisposableStack()
  primary = { address: '127.0.0.1', port: await freePort() }
})

afterEach(async () => {
  await stack.disposeAsync()
  rmSync(dir, { recursive: true, force: true })
})

async function prepare(...names: readonly SecondaryName[]): Promise<readonly SecondaryServer[]> {
  const secondaries = await Promise.all(names.map(name => SecondaryServer.prepare(name, dir)))
  for (const secondary of secondaries) stack.use(secondary)
  return secondaries
}

async function serve(secondaries: readonly SecondaryServer[], options: BrokerOptions = {}): Promise<Server> {
  return stack.use(await startServer({ dir, config: brokerConfig(primary, secondaries, options) }))
}

function follow(
  secondaries: readonly SecondaryServer[],
  { zones, catalog }: { readonly zones: readonly string[]; readonly catalog?: string },
): void {
  const followed = {
    primary,
    zones,
    secret: SECRET,
    keyName: KEY_NAME,
    ...(catalog !== undefined && { catalog }),
  }
  for (const secondary of secondaries) secondary.start(followed)
}

/**
 * Waits until all are at our serials; nothing is transferred for it. One that gave a transfer up for a reason of its own
 * is told again, as its operator would have it.
 */
async function untilAtOurs(secondaries: readonly SecondaryServer[], zones: readonly string[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (const zone of zones)
    for (const secondary of secondaries) {
      const theirs = () => serialAt(secondary.endpoint, zone).catch(() => undefined)
      for (let faults = 0; (await theirs()) !== (await serialAt(primary, zone)); await sleep(PAUSE_MS)) {
        if (performance.now() > deadline)
          assert.fail(`behind in ${zone}: ${secondary.linesAbout(zone.slice(0, -1))}`)
        if (secondary.ownFaults === faults) continue
        faults = secondary.ownFaults
        await command('notify', zone)
      }
    }
}

/** Some ask for a whole zone by themselves when IXFR came late once, on a busy machine; not all of them, and not again. */
function assertFew(
  full: number | undefined,
  { of, from }: { readonly of: readonly SecondaryServer[]; readonly from: number },
): void {
  assert.ok(full !== undefined && full >= from && full < from + of.length, `${full} full transfers`)
}

async function assertEqual(secondaries: readonly SecondaryServer[], zones: readonly string[]): Promise<void> {
  for (const zone of zones) {
    const ours = await dumpZone(primary, zone, SIGNED)
    assert.ok(ours.length > 1, `no dump of ${zone}`)
    for (const secondary of secondaries)
      assert.deepEqual(await heldBy(secondary, zone), ours, `${zone} at ${secondary.name}`)
  }
}

async function heldBy(secondary: SecondaryServer, zone: string): Promise<readonly string[]> {
  const file = secondary.zoneFile(zone)
  if (file === undefined) return dumpZone(secondary.endpoint, zone, ['-b', secondary.endpoint.address])
  return existsSync(file) ? recordLines(readFileSync(file, 'utf8')) : []
}

async function transfersOf(server: Server): Promise<Readonly<Record<string, number>>> {
  const metrics = await (await fetch(`${server.web}/metrics`)).text()
  const value = (name: string) =>
    Number(
      metrics
        .split('\n')
        .find(line => line.startsWith(name))
        ?.split(' ')[1],
    )
  return {
    full: value('freenet6_dns_transfers_total{kind="full"}'),
    incremental: value('freenet6_dns_transfers_total{kind="incremental"}'),
    refused: value('freenet6_dns_overloaded_transfers_total'),
    broken: value('freenet6_dns_broken_transfers_total'),
  }
}

async function command(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCli([...args, '--config', join(dir, 'freenet6.toml')])
  assert.equal(code, 0, stderr)
}

function writeZone(zone: string, text: string): void {
  writeFileSync(join(dir, 'zones', `${zone}zone`), text)
}

const COMMANDS = ['nsd', 'yadifad', 'pdns_server', SCHEMA, 'sqlite3', 'unbound', 'dig'] as const

suite('NSD, YADIFA, PowerDNS and Unbound as secondaries', {
  skip: (await missingPackages(COMMANDS)) ?? false,
}, () => {
  test('follow random changes and reloads by IXFR after one AXFR, over kill -9 and a restart too', async t => {
    writeZone(ODD, ODD_ZONE)
    const zones = [...ZONES, ODD]
    const secondaries = await prepare('nsd', 'yadifad', 'pdns', 'unbound')
    const churn = new Churn(CHANGES_A_SECOND)
    {
      await using server = await serve(secondaries)
      follow(secondaries, { zones })
      await untilAtOurs(secondaries, zones)
      await churn.run(server, CHANGES / 2)
      writeZone(ODD, ODD_ZONE.replace('192.0.2.14', '192.0.2.15'))
      await command('reload')
      await untilAtOurs(secondaries, zones)
      const { full, incremental, refused, broken } = await transfersOf(server)
      t.diagnostic(`${full} full and ${incremental} incremental transfers before the kill`)
      assert.deepEqual([refused, broken], [0, 0])
      assertFew(full, { of: secondaries, from: zones.length * secondaries.length })
      assert.ok(Number(incremental) >= zones.length * secondaries.length)
      await server.kill()
    }
    await using server = await serve(secondaries)
    await churn.run(server, CHANGES / 2)
    writeZone(ODD, ODD_ZONE.replace('dn DNAME', 'dm DNAME')) // its serial goes over 2^32
    await command('reload')
    await untilAtOurs(secondaries, zones)
    const { full, incremental, refused, broken } = await transfersOf(server)
    t.diagnostic(`${full} full and ${incremental} incremental transfers after it`)
    assert.deepEqual([refused, broken], [0, 0])
    assertFew(full, { of: secondaries, from: 0 })
    await assertEqual(secondaries, zones)
  })

  test('get many large zones that they ask for at once, none refused', async t => {
    const zones = Array.from({ length: 8 }, (_, i) => `z${i}.example.`)
    const records = Array.from({ length: 10_000 }, (_, i) => `h${i} A 192.0.${i >> 8}.${i & 255}\n`).join('')
    for (const zone of zones)
      writeZone(zone, `$TTL 60\n@ SOA ns1 h 1 3600 600 1209600 5\n@ NS ns1\n${records}`)
    const secondaries = await prepare('nsd', 'yadifad', 'pdns', 'unbound')
    const server = await serve(secondaries)
    follow(secondaries, { zones })
    await untilAtOurs(secondaries, zones)
    const { full, refused, broken } = await transfersOf(server)
    t.diagnostic(`${full} transfers`)
    assert.deepEqual([full, refused, broken], [zones.length * secondaries.length, 0, 0])
  })

  test('PowerDNS takes what the catalog zone lists, unsigned, and what a reload adds to it', async () => {
    const secondaries = await prepare('pdns')
    const allow = secondaries.map(({ endpoint }) => endpoint.address)
    await serve(secondaries, { catalog: 'catalog.invalid', allow })
    follow(secondaries, { zones: [], catalog: 'catalog.invalid' })
    await untilAtOurs(secondaries, ZONES)
    writeZone('more.example.', '@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n')
    await command('reload')
    await untilAtOurs(secondaries, [...ZONES, 'more.example.'])
    await assertEqual(secondaries, [...ZONES, 'more.example.'])
  })
})
