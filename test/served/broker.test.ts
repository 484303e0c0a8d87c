import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'
import { ask, configText, runCli, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
const STRICT = '[web]\nregistrations_per_hour = 0\n[tunnel]\nreachability = "off"\nforeign_endpoints = true\n'

interface Problem {
  readonly status: number
  readonly code: string
  readonly codes: readonly string[]
}

async function register(
  server: Server,
  body: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${server.web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function problemOf(response: Response): Promise<Problem> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  const body = (await response.json()) as { status: number; code: string; errors?: { code: string }[] }
  assert.equal(body.status, response.status)
  return {
    status: response.status,
    code: body.code,
    codes: body.errors?.map(error => error.code) ?? [body.code],
  }
}

function rows(server: Server): number {
  const database = new DatabaseSync(join(server.dir, 'data', 'freenet6.db'), { readOnly: true })
  try {
    return Number(database.prepare('SELECT count(*) AS n FROM tunnels').get()?.n)
  } finally {
    database.close()
  }
}

async function rcodeOf(server: Server, name: string, type: string): Promise<string | undefined> {
  const reply = await ask(server.endpoint(4), name, type as 'AAAA')
  return reply.rcode
}

const GOOD = { ipv4: '192.0.2.77', nicname: 'alice', country: 'ca', os: 'linux' }

suite('a broker in its lab configuration', () => {
  let server: Server

  before(async () => {
    server = await startServer({ config: LAB })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
  })

  test('a registration is active and named in both directions at once, and gone after its deletion', async () => {
    const response = await register(server, GOOD)
    assert.equal(response.status, 201)
    const tunnel = (await response.json()) as Record<string, string>
    assert.deepEqual(
      Object.keys(tunnel).sort(),
      [
        'country',
        'creation_time',
        'device',
        'id',
        'ipv4_client',
        'ipv4_server',
        'ipv6_client',
        'ipv6_server',
        'key',
        'kind',
        'links',
        'mtu',
        'name',
        'nicname',
        'os',
        'prefix_length',
        'state',
        'state_since',
        'unreachable',
        'unreachable_threshold',
      ].filter(key => key in tunnel),
    )
    assert.equal(tunnel.name, 'alice.ca.freenet6.net')
    assert.equal(tunnel.state, 'active')
    assert.equal(await rcodeOf(server, 'alice.ca.freenet6.net', 'AAAA'), 'NOERROR')
    const url = `${server.web}/api/v1/tunnels/${tunnel.id}`
    const authorization = `Bearer ${tunnel.key}`
    const state = (await (await fetch(url, { headers: { authorization } })).json()) as Record<string, string>
    assert.equal(state.state, 'active')
    assert.equal(state.key, undefined)
    assert.equal((await fetch(url, { method: 'DELETE', headers: { authorization } })).status, 204)
    assert.equal(await rcodeOf(server, 'alice.ca.freenet6.net', 'AAAA'), 'NXDOMAIN')
    assert.equal(rows(server), 0)
  })

  test('of 200 registrations of one nicname at once exactly one wins', async () => {
    const before = rows(server)
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        // Kept connections beyond those of one address are closed soon, perhaps just as the next test uses one.
        register(server, { ...GOOD, nicname: 'race', ipv4: `198.51.100.${n + 1}` }, { connection: 'close' }),
      ),
    )
    const statuses = responses.map(response => response.status)
    assert.equal(statuses.filter(status => status === 201).length, 1)
    assert.equal(statuses.filter(status => status === 409).length, 199)
    assert.equal(rows(server), before + 1)
  })

  test('a row edited with the sqlite3 shell is published without a restart, and withdrawn', async () => {
    const database = new DatabaseSync(join(server.dir, 'data', 'freenet6.db'))
    database.exec(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
      VALUES ('byhand', '203.0.113.9', '2001:db8:f6:beef::2', '2001:db8:f6:beef::1', 'fn6-48879', 'byhand', 'ca', 'linux', 1, 0, 'x')`)
    await until(async () => (await rcodeOf(server, 'byhand.ca.freenet6.net', 'AAAA')) === 'NOERROR')
    database.exec("DELETE FROM tunnels WHERE id = 'byhand'")
    await until(async () => (await rcodeOf(server, 'byhand.ca.freenet6.net', 'AAAA')) === 'NXDOMAIN')
    database.close()
  })

  test('the health check is green, and the metrics are Prometheus text', async () => {
    const health = await fetch(`${server.web}/healthz`)
    assert.equal(health.status, 200, await health.text())
    const metrics = await (await fetch(`${server.web}/metrics`)).text()
    assert.match(metrics, /^freenet6_tunnels\{state="active"\} \d+$/m)
    assert.match(metrics, /^freenet6_audit_differences_total \d+$/m)
    assert.match(metrics, /^freenet6_dns_sent_total\{transport="udp"\} [1-9]\d*$/m)
    assert.match(metrics, /^freenet6_dns_thread_restarts_total 0$/m)
    assert.match(metrics, /^freenet6_table_used_bytes [1-9]\d*$/m)
    assert.match(metrics, /^process_resident_memory_bytes [1-9]\d*$/m)
    assert.match(metrics, /^nodejs_heap_size_used_bytes [1-9]\d*$/m)
  })

  test('a second process on the same database is refused and says so', async () => {
    const file = join(server.dir, 'second.toml')
    writeFileSync(file, configText(`${LAB}\n`))
    const { code, stderr } = await runCli(['serve', '--config', file])
    assert.equal(code, 1)
    assert.match(stderr, /another freenet6 process/)
  })

  test('tunnel add, list, show and delete go through the running process', async () => {
    const config = ['--config', join(server.dir, 'freenet6.toml')]
    const added = await runCli(['tunnel', 'add', '192.0.2.88', 'bob', 'fr', 'linux', ...config])
    assert.equal(added.code, 0, added.stderr)
    assert.match(added.stdout, /^key: [0-9a-f]{32}$/m)
    const listed = await runCli(['tunnel', 'list', ...config])
    assert.match(listed.stdout, /bob\.fr\.freenet6\.net\s+192\.0\.2\.88\s/)
    await until(async () => (await rcodeOf(server, 'bob.fr.freenet6.net', 'AAAA')) === 'NOERROR')
    const refused = await runCli(['tunnel', 'add', '192.0.2.88', 'a_b', 'zz', 'plan9', ...config])
    assert.equal(refused.code, 1)
    assert.deepEqual(refused.stderr.match(/^[a-z0-9-]+(?= \()/gm), [
      'ipv4-in-use',
      'nicname-syntax',
      'country-unknown',
      'os-unknown',
    ])
    assert.equal((await runCli(['tunnel', 'delete', 'bob.fr.freenet6.net', ...config])).code, 0)
    assert.equal(await rcodeOf(server, 'bob.fr.freenet6.net', 'AAAA'), 'NXDOMAIN')
    assert.equal((await runCli(['tunnel', 'show', 'bob.fr', ...config])).code, 1)
    const audit = await runCli(['audit', ...config])
    assert.match(audit.stdout, /^differences: 0$/m)
  })
})

suite('bad input: each has its code and leaves nothing behind', () => {
  let server: Server

  before(async () => {
    server = await startServer({ config: STRICT })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
  })

  const PUBLIC = { ...GOOD, ipv4: '8.8.4.4' }
  const CASES: readonly (readonly [what: string, input: object, status: number, codes: readonly string[]])[] =
    [
      ...['256.1.1.1', '010.0.0.1', '127.1', '::1', ''].map(
        ipv4 => [`ipv4 ${ipv4}`, { ...PUBLIC, ipv4 }, 400, ['ipv4-syntax']] as const,
      ),
      ['a private address', { ...PUBLIC, ipv4: '192.168.1.2' }, 400, ['ipv4-private']],
      ['a CGNAT address', { ...PUBLIC, ipv4: '100.64.1.2' }, 400, ['ipv4-shared']],
      ['multicast', { ...PUBLIC, ipv4: '224.0.0.5' }, 400, ['ipv4-special']],
      ['our own address', { ...PUBLIC, ipv4: '192.0.2.1' }, 400, ['ipv4-special']],
      ...['', 'a'.repeat(64), 'a.b', 'é', '-x', '<script>'].map(
        nicname => [`nicname ${nicname}`, { ...PUBLIC, nicname }, 400, ['nicname-syntax']] as const,
      ),
      ['nicname www', { ...PUBLIC, nicname: 'www' }, 400, ['nicname-reserved']],
      ['country zz', { ...PUBLIC, country: 'zz' }, 400, ['country-unknown']],
      ['os plan9', { ...PUBLIC, os: 'plan9' }, 400, ['os-unknown']],
      [
        'everything wrong',
        { ipv4: 'x', nicname: '', country: '', os: '' },
        400,
        ['ipv4-syntax', 'nicname-syntax', 'country-unknown', 'os-unknown'],
      ],
    ]

  for (const [what, input, status, codes] of CASES) {
    test(what, async () => {
      const problem = await problemOf(await register(server, input))
      assert.deepEqual([problem.status, problem.codes], [status, codes])
      assert.equal(rows(server), 0)
    })
  }

  test('a body of 10 MB', async () => {
    const response = await register(server, { ...PUBLIC, nicname: 'a'.repeat(10_000_000) }).catch(
      () => undefined,
    )
    if (response !== undefined) assert.equal(response.status, 413)
    assert.equal((await fetch(`${server.web}/`)).status, 200)
    assert.equal(rows(server), 0)
  })

  test('a wrong content type', async () => {
    const problem = await problemOf(await register(server, PUBLIC, { 'content-type': 'text/plain' }))
    assert.deepEqual([problem.status, problem.code], [415, 'content-type'])
  })

  test('a second tunnel for the same endpoint', async () => {
    assert.equal((await register(server, PUBLIC)).status, 201)
    const problem = await problemOf(await register(server, { ...PUBLIC, nicname: 'other' }))
    assert.deepEqual([problem.status, problem.codes], [409, ['ipv4-in-use']])
    assert.equal(rows(server), 1)
  })
})

test('a full pool refuses with its code', async () => {
  await using server = await startServer({
    config: LAB.replace('[tunnel]', '[tunnel]\nprefix = "2001:db8:f6::/60"'),
  })
  for (let n = 0; n < 16; n++)
    assert.equal(
      (await register(server, { ...GOOD, ipv4: `192.0.2.${n + 10}`, nicname: `n${n}` })).status,
      201,
    )
  const problem = await problemOf(await register(server, GOOD))
  assert.deepEqual([problem.status, problem.code], [503, 'pool-full'])
  assert.equal(rows(server), 16)
})

test('a disk that is full refuses with its code; what was registered stays, and DNS goes on', async t => {
  if (process.getuid?.() !== 0) return t.skip(cannot('mounting a small tmpfs takes root'))
  const disk = mkdtempSync(join(tmpdir(), 'freenet6-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  try {
    await using server = await startServer({ config: `data_dir = "${disk}/data"\n${LAB}` })
    let registered = 0
    let refused: Problem | undefined
    for (let n = 0; n < 4000 && refused === undefined; n++) {
      const response = await register(server, {
        ...GOOD,
        ipv4: `198.18.${n >> 8}.${n & 255}`,
        nicname: `n${n}`,
      })
      if (response.status === 201) registered++
      else refused = await problemOf(response)
    }
    assert.deepEqual([refused?.status, refused?.code], [507, 'storage-full'])
    assert.ok(registered > 0)
    assert.equal(await rcodeOf(server, 'freenet6.net', 'SOA'), 'NOERROR')
    const listed = await runCli(['tunnel', 'list', '--config', join(server.dir, 'freenet6.toml')])
    assert.equal(listed.stdout.trim().split('\n').length, registered)
  } finally {
    execFileSync('umount', [disk])
    rmSync(disk, { recursive: true })
  }
})

test('a database newer than the program is refused and says so', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-newer-'))
  mkdirSync(join(dir, 'data'))
  const database = new DatabaseSync(join(dir, 'data', 'freenet6.db'))
  database.exec('PRAGMA user_version = 99')
  database.close()
  await assert.rejects(startServer({ config: LAB, dir }), /ended with 1[\s\S]*schema 99/)
  rmSync(dir, { recursive: true })
})

test('a port that is taken is an error that names it', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : assert.fail()
  await assert.rejects(
    startServer({ config: `[dns]\nlisten = ["127.0.0.1:${port}"]\n` }),
    new RegExp(`ended with 1[\\s\\S]*127\\.0\\.0\\.1:${port}`),
  )
  await assert.rejects(
    startServer({ config: `[web]\nlisten = "127.0.0.1:${port}"\n` }),
    new RegExp(`ended with 1[\\s\\S]*127\\.0\\.0\\.1:${port}`),
  )
  taken.close()
})

test('a mistake in the tunnels’ zone file ends the start with file, line and column', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-zone-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(
    join(dir, 'zones', 'freenet6.net.zone'),
    '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.300\n',
  )
  await assert.rejects(startServer({ config: LAB, dir }), /ended with 1[\s\S]*freenet6\.net\.zone:4:7: error/)
  rmSync(dir, { recursive: true })
})

test('a mistake in another zone file makes that zone SERVFAIL and no other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-zone-'))
  cpSync(join(import.meta.dirname, '..', '..', 'zones'), join(dir, 'zones'), { recursive: true })
  writeFileSync(
    join(dir, 'zones', 'example.org.zone'),
    '@ 60 SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.300\n',
  )
  await using server = await startServer({ config: LAB, dir })
  assert.equal(await rcodeOf(server, 'example.org', 'SOA'), 'SERVFAIL')
  assert.equal(await rcodeOf(server, 'freenet6.net', 'SOA'), 'NOERROR')
  assert.match(server.stderr, /example\.org\.zone:3:7: error/)
  // Not the warning of line 2, which has no TTL.
  assert.match(await (await fetch(`${server.web}/healthz`)).text(), /example\.org\.zone:3:7: error/)
  rmSync(dir, { recursive: true })
})

test('kill -9 in the middle of registrations: every one that was answered is there after a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-crash-'))
  const answered: string[] = []
  {
    await using server = await startServer({ config: LAB, dir })
    const visitors = Array.from({ length: 100 }, async (_, n) => {
      const response = await register(server, {
        ...GOOD,
        ipv4: `198.51.100.${n + 1}`,
        nicname: `n${n}`,
      }).catch(() => undefined)
      if (response?.status === 201) answered.push(`n${n}.ca.freenet6.net`)
    })
    await Promise.race([Promise.all(visitors), until(async () => answered.length > 10)])
    await server.kill()
    await Promise.all(visitors)
  }
  await using server = await startServer({ config: LAB, dir })
  assert.ok(answered.length > 10)
  for (const name of answered)
    await until(async () => (await rcodeOf(server, name, 'AAAA')) === 'NOERROR', name)
  rmSync(dir, { recursive: true })
})

test('the sqlite3 shell of Debian reads the table while the service runs', async t => {
  if (!(await requirePackages(t, ['sqlite3']))) return
  await using server = await startServer({ config: LAB })
  await register(server, GOOD)
  const printed = execFileSync('sqlite3', [
    join(server.dir, 'data', 'freenet6.db'),
    'SELECT nicname, country, IPv4client FROM tunnels',
  ])
  assert.equal(String(printed).trim(), 'alice|ca|192.0.2.77')
})

test('config mistakes end with status 2, a line each', async () => {
  const file = join(tmpdir(), `freenet6-mistakes-${process.pid}.toml`)
  writeFileSync(file, 'orgin = "x"\n[dns]\nttl = "x"\n')
  for (const command of ['check-config', 'serve']) {
    const { code, stderr } = await runCli([command, '--config', file])
    assert.equal(code, 2)
    assert.equal(stderr.trim().split('\n').length, 2, stderr)
  }
  rmSync(file)
  assert.equal((await runCli(['no-such-command'])).code, 2)
  assert.equal((await runCli(['serve', '--no-such-flag'])).code, 2)
  assert.equal((await runCli([])).code, 2)
})
