/** Debian's dig and NSD ask the running program for differences over UDP. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../../bench/running-server.ts'
import { ControlClient } from '../../src/operator/control-client.ts'
import type { StatusReport } from '../../src/operator/status.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { ask } from '../ask.ts'
import { requirePackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'

const ZONE = 'freenet6.net'
const SECRET = Buffer.from('thirty-two octets that are known').toString('base64')
const CONFIG = `[dns]
listen = ["127.0.0.1:0"]
threads = 2
allow_transfer = ["key:k1."]
[[dns.keys]]
name = "k1."
algorithm = "hmac-sha256"
secret = "${SECRET}"
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const PATIENCE_TRIES = 1200
const PAUSE_MS = 50

async function register(server: Server, first: number, count: number): Promise<void> {
  using client = await ControlClient.connect(join(server.dir, 'data', 'control.sock'))
  for (let n = first; n < first + count; n++) {
    const reply = await client.send('tunnel add', {
      ipv4: `198.51.${n >> 8}.${n & 255}`,
      nicname: `n${n}`,
      country: 'ca',
      os: 'linux',
    })
    assert.ok(!('problem' in reply), JSON.stringify(reply))
  }
}

async function serialOf(server: Endpoint): Promise<number> {
  const { reply } = await ask(server, ZONE, 'SOA', { timeout: 500 })
  const [soa] = reply.answers ?? []
  return soa !== undefined && soa.type === 'SOA' ? (soa.data.serial ?? 0) : 0
}

/** The records that dig is told over UDP, white space as one. */
async function dig(server: Endpoint, serial: number, ...words: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('dig', [
    `@${server.address}`,
    ...['-p', String(server.port), '-y', `hmac-sha256:k1.:${SECRET}`, '+time=2', '+tries=1', '+notcp'],
    ...words,
    ZONE,
    `IXFR=${serial}`,
  ]).catch((error: unknown) => error as { stdout: string })
  assert.doesNotMatch(stdout, /Couldn't verify signature|could not be validated|no servers/)
  return stdout
    .split('\n')
    .filter(line => /^[^;\s]\S*\s+\d+\s+IN\s/.test(line))
    .map(line => line.replaceAll(/\s+/g, ' ').trim())
}

test('dig is told the differences over UDP, signed, as long as they fit; else the SOA', async (t: TestContext) => {
  if (!(await requirePackages(t, ['dig']))) return
  await using server = await startServer({ config: CONFIG })
  const endpoint = server.endpoint(4)
  const before = await serialOf(endpoint)
  await register(server, 1, 2)
  const told = await dig(endpoint, before)
  assert.equal(told.filter(line => line.includes(' SOA ')).length, 4, told.join('\n'))
  assert.match(told.join('\n'), /n1\.ca\.freenet6\.net\. 60 IN AAAA 2001:db8:f6::2\n/)
  assert.match(told.join('\n'), /n2\.ca\.freenet6\.net\. 60 IN AAAA 2001:db8:f6:1::2\n/)
  await register(server, 3, 60)
  for (const serial of [before, await serialOf(endpoint), before - 1000])
    assert.equal((await dig(endpoint, serial)).length, 1)
  assert.equal((await dig(endpoint, (await serialOf(endpoint)) - 2, '+bufsize=512')).length, 6)
})

async function untilAt(second: Endpoint, serial: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const theirs = await serialOf(second).catch(() => undefined)
    if (theirs === serial) return
    assert.ok(tries < PATIENCE_TRIES, `the secondary stays at ${theirs}, we are at ${serial}`)
    await sleep(PAUSE_MS)
  }
}

async function statusOf(server: Server): Promise<StatusReport> {
  using client = await ControlClient.connect(join(server.dir, 'data', 'control.sock'))
  const reply = await client.send('status', {})
  assert.ok('value' in reply)
  return reply.value as StatusReport
}

/** The threads that answer tell the main thread ten times a second what they have told whom. */
async function untilFollowed(server: Server): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { secondaries } = await statusOf(server)
    const forward = secondaries.find(({ zone }) => zone.startsWith(ZONE))
    if (forward?.lag === 0 && forward.transferred === forward.serial) return
    assert.ok(tries < PATIENCE_TRIES, `our status has the secondary at ${JSON.stringify(secondaries)}`)
    await sleep(PAUSE_MS)
  }
}

test('NSD follows over UDP, and our status knows how far it is', async (t: TestContext) => {
  if (!(await requirePackages(t, ['nsd']))) return
  const port = await freePort()
  const second = { address: '127.0.0.1', port }
  const secondaries = `[[dns.secondaries]]\naddress = "127.0.0.1:${port}"\nkey = "k1."\n`
  await using server = await startServer({ config: CONFIG.replace('[tunnel]', `${secondaries}[tunnel]`) })
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-nsd-'))
  const file = join(dir, 'nsd.conf')
  const primary = server.endpoint(4)
  writeFileSync(file, nsdConfig({ dir, port, primary }))
  const nsd = spawn('nsd', ['-d', '-c', file], { stdio: 'ignore' })
  try {
    await untilAt(second, await serialOf(primary)) // the first transfer is of the whole zone
    for (let n = 1; n <= 5; n++) {
      await register(server, n, 1)
      await untilAt(second, await serialOf(primary))
    }
    const answer = await ask(second, 'n5.ca.freenet6.net', 'AAAA')
    assert.equal(answer.reply.answers?.length, 1)
    await untilFollowed(server)
    const metrics = await (await fetch(`${server.web}/metrics`)).text()
    const [, incremental] = /freenet6_dns_transfers_total\{kind="incremental"\} (\d+)/.exec(metrics) ?? []
    const [, overTcp] = /freenet6_dns_tcp_connections_total (\d+)/.exec(metrics) ?? []
    t.diagnostic(`${incremental} incremental transfers; ${overTcp} connections`)
    assert.ok(Number(incremental) >= 5)
  } finally {
    if (nsd.exitCode === null) {
      const ended = once(nsd, 'exit')
      nsd.kill('SIGTERM')
      await ended
    }
    rmSync(dir, { recursive: true, force: true })
  }
})

function nsdConfig(parts: {
  readonly dir: string
  readonly port: number
  readonly primary: Endpoint
}): string {
  const { dir, port, primary } = parts
  const from = `${primary.address}@${primary.port} k1.`
  return `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${dir}"
  xfrdfile: "${join(dir, 'xfrd.state')}"
  zonelistfile: "${join(dir, 'zone.list')}"
  xfrdir: "${dir}"
remote-control:
  control-enable: no
key:
  name: "k1."
  algorithm: hmac-sha256
  secret: "${SECRET}"
zone:
  name: "${ZONE}"
  request-xfr: UDP ${from}
  request-xfr: AXFR ${from}
  allow-notify: 127.0.0.1 k1.
`
}
