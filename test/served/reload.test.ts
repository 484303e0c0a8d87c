import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { decode } from 'dns-packet'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { CLASS } from '../../src/wire/codes.ts'
import { exchange } from '../ask.ts'
import { queryOf } from '../engine/zones.ts'
import { missingPackages } from '../packages.ts'
import { ask, configText, type Ending, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

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

/** Registers and waits until the name is answered; returns the address. */
async function registered(server: Server, nicname: string): Promise<string> {
  const response = await fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4: '192.0.2.77', nicname, country: 'ca', os: 'linux' }),
  })
  assert.equal(response.status, 201)
  const { ipv6_client: address } = (await response.json()) as { ipv6_client: string }
  await until(async () => (await dataOf(server, `${nicname}.ca.freenet6.net`, 'AAAA')) !== 'NXDOMAIN')
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

test('with a mistake in the configuration a reload takes zone files, and says what it has kept', async () => {
  await using server = await startServer({ dir, config: LAB })
  writeFileSync(
    join(dir, 'freenet6.toml'),
    `${readFileSync(join(dir, 'freenet6.toml'), 'utf8')}\nwrong = 1\n`,
  )
  addToForward('new TXT "taken"')
  const { code, stdout } = await reload()
  assert.equal(code, 1)
  assert.match(stdout, /^taken: .*freenet6\.net\.zone$/m)
  assert.match(stdout, /^kept: .*wrong/m)
  assert.equal(await dataOf(server, 'new.freenet6.net', 'TXT'), 'taken')
  await server.stop()
  assert.equal((await reload()).code, 2)
})

test('a copy beside a zone file takes its place neither at a reload nor at a start', async () => {
  const copy = readFileSync(zoneFile('freenet6.net'))
  {
    await using server = await startServer({ dir, config: LAB })
    addToForward('edited TXT "served"')
    assert.equal((await reload()).code, 0)
    for (const name of ['a copy of freenet6.net', 'freenet6.net (copy)', 'freenet6.net-old'])
      writeFileSync(zoneFile(name), copy)
    const { code, stdout } = await reload()
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^kept: .*\(copy\)\.zone.* and so does .*\/freenet6\.net\.zone: a zone has one file$/m,
    )
    assert.equal(await dataOf(server, 'edited.freenet6.net', 'TXT'), 'served')
  }
  await using again = await startServer({ dir, config: LAB })
  assert.equal(await dataOf(again, 'edited.freenet6.net', 'TXT'), 'served')
})

test('SIGHUP reads zone files again', async () => {
  await using server = await startServer({ dir, config: LAB })
  writeOther('192.0.2.6')
  process.kill(server.pid, 'SIGHUP')
  await until(async () => (await dataOf(server, 'ns1.example.org', 'A')) === '192.0.2.6')
})

describe('the configuration', { skip: await missingPackages(['dig']) }, () => {
  const SECRET = 'c2VjcmV0IG9mIHRoZSB0ZXN0cyE='

  /** Another configuration in the file of a running server; what is not given is as it was at the start. */
  function configure({ dns = {}, web = {} }: { readonly dns?: TomlTable; readonly web?: TomlTable }): void {
    const values = parse(LAB)
    const file = join(dir, 'freenet6.toml')
    const own = { data_dir: join(dir, 'data'), zones_dir: join(dir, 'zones') }
    const given = { dns, web: { ...(values.web as TomlTable), ...web } }
    writeFileSync(file, configText(stringify({ ...own, ...values, ...given })))
  }

  async function transfer(server: Server): Promise<string> {
    const { address, port } = server.endpoint()
    const key = ['-y', `hmac-sha256:k1:${SECRET}`]
    const args = [`@${address}`, '-p', `${port}`, ...key, 'example.org', 'AXFR']
    const { stdout } = await promisify(execFile)('dig', args).catch((error: { stdout: string }) => error)
    return stdout
  }

  async function register(server: Server, nicname: string): Promise<number> {
    const { status } = await fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ipv4: '192.0.2.99', nicname, country: 'ca', os: 'linux' }),
    })
    return status
  }

  test('gives way to a new one at once in its keys, lists and limits; with a mistake in it nothing changes', async () => {
    await using server = await startServer({ dir, config: LAB })
    const record = /^ns1\.example\.org\.\s+60\s+IN\s+A\s+192\.0\.2\.3$/m
    assert.doesNotMatch(await transfer(server), record)

    configure({
      dns: {
        allow_transfer: ['key:k1'],
        nsid: 'anew',
        keys: [{ name: 'k1', algorithm: 'hmac-sha256', secret: SECRET }],
      },
      web: {
        registrations_per_hour: 1,
        metrics_from: ['203.0.113.0/24'],
        blocked_nicnames: ['bank*'],
        blocked_prefixes: ['203.0.113.0/24'],
      },
    })
    const taken = await reload()
    assert.equal(taken.code, 0, taken.stdout)
    const keys = ['registrations_per_hour', 'metrics_from', 'blocked_nicnames', 'blocked_prefixes']
    for (const key of ['dns.keys', 'dns.allow_transfer', ...keys.map(name => `web.${name}`)])
      assert.ok(taken.stdout.includes(`freenet6.toml: ${key}\n`), taken.stdout)
    assert.match(await transfer(server), record)
    const identity = await exchange(server.endpoint(), queryOf('id.server.', 'TXT', { class: CLASS.CH }))
    assert.match(identity.toString('latin1'), /anew$/)
    assert.equal((await fetch(`${server.web}/metrics`)).status, 403)
    assert.equal(await register(server, 'banker'), 403)
    assert.equal(await register(server, 'one'), 201)
    assert.equal(await register(server, 'two'), 429)

    configure({ dns: { allow_transfer: ['nobody at all'] } })
    process.kill(server.pid, 'SIGHUP')
    await until(async () => /allow_transfer.*nobody at all/.test(server.stderr))
    assert.match(await transfer(server), record)
    assert.equal(await register(server, 'two'), 429)

    configure({})
    assert.equal((await reload()).code, 0)
    assert.doesNotMatch(await transfer(server), record)
    assert.equal((await fetch(`${server.web}/metrics`)).status, 200)
    assert.equal(await register(server, 'two'), 409) // its endpoint has a tunnel; no limit is in the way
  })

  test('names another secondary, which is told of every zone', async t => {
    await using server = await startServer({ dir, config: LAB })
    const secondary = createSocket('udp4')
    t.after(() => secondary.close())
    secondary.bind(0, '127.0.0.1')
    await once(secondary, 'listening')
    const told = new Set<string>()
    secondary.on('message', message => {
      assert.equal((message.readUInt8(2) >> 3) & 15, 4) // RFC 1996 3.1: NOTIFY
      told.add(String(decode(message).questions?.[0]?.name))
    })
    configure({ dns: { secondaries: [{ address: `127.0.0.1:${secondary.address().port}` }] } })
    assert.equal((await reload()).code, 0)
    await until(async () => told.has('freenet6.net') && told.has('example.org'))
    assert.equal(server.exitCode, null)
  })

  test('changes under a steady sender without a query lost', async () => {
    await using server = await startServer({ dir, config: LAB })
    let isDone = false
    const asked = (async () => {
      let count = 0
      for (; !isDone; count++) assert.equal(await dataOf(server, 'ns1.example.org', 'A'), '192.0.2.3')
      return count
    })()
    for (const nsid of ['one', 'two', 'three', 'four']) {
      configure({ dns: { nsid } })
      assert.equal((await reload()).code, 0)
    }
    isDone = true
    assert.ok((await asked) > 0)
  })
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

describe('log.level', () => {
  const quiet = 'data_dir = "data"\n[log]\nlevel = "error"\n'
  const loud = quiet.replace('error', 'debug')
  const loggedLevels = ({ stderr }: Server) =>
    new Set(
      stderr
        .split('\n')
        .filter(line => line.startsWith('{'))
        .map(line => JSON.parse(line).level),
    )

  test('says how much the log says, and a reload another one', async () => {
    await using server = await startServer({ dir, config: quiet })
    const file = join(dir, 'freenet6.toml')
    const written = readFileSync(file, 'utf8')
    assert.deepEqual([...loggedLevels(server)], [])
    writeFileSync(file, written.replace('"error"', '"debug"'))
    assert.equal((await reload()).code, 0)
    await until(async () => server.stderr.includes('"reloaded"'))
  })

  test('gives way to the environment, and a reload says so', async () => {
    await using server = await startServer({ dir, config: loud, env: { FREENET6_LOG_LEVEL: 'error' } })
    assert.deepEqual([...loggedLevels(server)], [])
    const file = join(dir, 'freenet6.toml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"debug"', '"warn"'))
    const { code, stdout } = await reload()
    assert.equal(code, 1)
    assert.match(stdout, /log\.level: FREENET6_LOG_LEVEL=error comes before it/)
  })
})
