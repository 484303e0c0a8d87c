import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Ending, runCli, type Server, startServer } from '../spawn.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
const ZONES = join(import.meta.dirname, '..', '..', 'zones')

let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-reload-'))
  cpSync(ZONES, join(dir, 'zones'), { recursive: true })
  writeOther('192.0.2.3')
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function zoneFile(name: string): string {
  return join(dir, 'zones', `${name}.zone`)
}

function writeOther(address: string): void {
  writeFileSync(
    zoneFile('example.org'),
    `$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A ${address}\n`,
  )
}

function addToForward(lines: string): void {
  writeFileSync(zoneFile('freenet6.net'), `${readFileSync(zoneFile('freenet6.net'), 'utf8')}\n${lines}\n`)
}

function reload(): Promise<Ending> {
  return runCli(['reload', '--config', join(dir, 'freenet6.toml')])
}

async function dataOf(server: Server, name: string, type: 'A' | 'AAAA' | 'TXT'): Promise<string> {
  const { reply, rcode } = await ask(server.endpoint(), name, type)
  const data = reply.answers?.map(answer => ('data' in answer ? String(answer.data) : '')) ?? []
  return data.length === 0 ? rcode : data.join()
}

async function serialOf(server: Server): Promise<number> {
  const { reply } = await ask(server.endpoint(), 'freenet6.net', 'SOA')
  const [soa] = reply.answers ?? []
  return soa?.type === 'SOA' ? (soa.data.serial ?? 0) : 0
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return
    await sleep(20)
  }
  assert.fail('not within four seconds')
}

/** Registers and waits until the name is answered; returns the address. */
async function registered(server: Server, nicname: string): Promise<string> {
  const response = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: '192.0.2.77', nicname, country: 'ca', os: 'linux' }),
  })
  assert.equal(response.status, 201)
  const { ipv6_client: address } = (await response.json()) as { ipv6_client: string }
  await eventually(async () => (await dataOf(server, `${nicname}.ca.freenet6.net`, 'AAAA')) !== 'NXDOMAIN')
  return address
}

test('a reload takes what zone files say now, and keeps the tunnels that live among it', async () => {
  await using server = await startServer({ dir, config: LAB })
  const address = await registered(server, 'alice')
  const before = await serialOf(server)
  writeOther('192.0.2.4')
  addToForward('fresh A 192.0.2.5')
  const { code, stdout } = await reload()
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^taken: .*example\.org\.zone$/m)
  assert.equal(await dataOf(server, 'ns1.example.org', 'A'), '192.0.2.4')
  assert.equal(await dataOf(server, 'fresh.freenet6.net', 'A'), '192.0.2.5')
  assert.equal(await dataOf(server, 'alice.ca.freenet6.net', 'AAAA'), address)
  assert.equal(await serialOf(server), before + 1)
  assert.equal((await reload()).code, 0)
  assert.equal(await serialOf(server), before + 1) // nothing had changed
})

test('a broken zone file keeps the zone that is served, and is named by command, log and health', async () => {
  await using server = await startServer({ dir, config: LAB })
  writeOther('192.0.2.300')
  addToForward('broken A 192.0.2.301')
  const { code, stdout } = await reload()
  assert.equal(code, 1)
  assert.match(stdout, /^kept: .*example\.org\.zone:4:7: error/m)
  assert.match(stdout, /^kept: .*freenet6\.net\.zone:\d+:\d+: error/m)
  assert.equal(await dataOf(server, 'ns1.example.org', 'A'), '192.0.2.3')
  assert.equal((await ask(server.endpoint(), 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  assert.match(server.stderr, /example\.org\.zone:4:7/)
  const health = await fetch(`${server.web}/healthz`)
  assert.equal(health.status, 503)
  assert.match(await health.text(), /example\.org\.zone:4:7/)
})

test('a tunnel whose name a zone file takes is answered no more, and comes back with its name', async () => {
  await using server = await startServer({ dir, config: LAB })
  const address = await registered(server, 'alice')
  const without = readFileSync(zoneFile('freenet6.net'), 'utf8')
  addToForward('alice.ca TXT "static"')
  assert.equal((await reload()).code, 0)
  assert.equal(await dataOf(server, 'alice.ca.freenet6.net', 'TXT'), 'static')
  assert.equal(await dataOf(server, 'alice.ca.freenet6.net', 'AAAA'), 'NOERROR')
  writeFileSync(zoneFile('freenet6.net'), without)
  assert.equal((await reload()).code, 0)
  assert.equal(await dataOf(server, 'alice.ca.freenet6.net', 'AAAA'), address)
})

test('SIGHUP reads zone files again', async () => {
  await using server = await startServer({ dir, config: LAB })
  writeOther('192.0.2.6')
  process.kill(server.pid, 'SIGHUP')
  await eventually(async () => (await dataOf(server, 'ns1.example.org', 'A')) === '192.0.2.6')
})

test('a value of the configuration that takes a restart is named', async () => {
  await using server = await startServer({ dir, config: LAB })
  const file = join(dir, 'freenet6.toml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('[dns]', '[dns]\nttl = 30'))
  const { code, stdout } = await reload()
  assert.equal(code, 1)
  assert.match(stdout, /^kept: .*freenet6\.toml: dns\.ttl has changed: it takes a restart$/m)
  assert.equal(server.exitCode, null)
})

test('reload says that no process runs', async () => {
  {
    await using server = await startServer({ dir, config: LAB })
    await server.stop()
  }
  const { code, stderr } = await reload()
  assert.equal(code, 1)
  assert.match(stderr, /not-running/)
})
