import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { COMMANDS } from '../../src/operator/commands.ts'
import { ControlClient } from '../../src/operator/control-client.ts'
import { VERSION } from '../../src/shared/version.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { configText, runCli, type Server, startServer } from '../spawn.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const FILL = join(import.meta.dirname, '..', '..', 'bench', 'fill.ts')
const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
const PROGRAM = join(import.meta.dirname, '..', '..', 'src', 'program.ts')

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

/** Runs a command whose standard output `reader` takes; what it says on standard error, and its status. */
function endedInPipe(words: string, reader: string): { readonly status: string; readonly stderr: string } {
  const script = `{ "${process.execPath}" "${CLI}" ${words}; echo "status $?" >&3; } 3>&2 | ${reader} > /dev/null`
  const { stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  const [said = '', status = ''] = stderr.trimEnd().split(/^status /m)
  return { status, stderr: said }
}

suite('commands through the running process', () => {
  let server: Server
  const command = (...words: string[]) => runCli([...words, '--config', join(server.dir, 'freenet6.toml')])

  before(async () => {
    server = await startServer({ config: LAB })
    await command('tunnel', 'add', '192.0.2.77', 'alice', 'ca', 'linux')
    await command('tunnel', 'add', '192.0.2.78', 'bob', 'fr', 'debian')
  })
  after(() => server[Symbol.asyncDispose]())

  test('a tunnel in JSON has the field names of the API', async () => {
    const { code, stdout } = await command('tunnel', 'show', 'alice.ca', '--json')
    assert.equal(code, 0)
    const [tunnel = {}] = jsonLines(stdout)
    const { name, ipv4_client, creation_time } = tunnel
    assert.deepEqual(
      [name, ipv4_client, typeof creation_time],
      ['alice.ca.freenet6.net', '192.0.2.77', 'number'],
    )
    const fields =
      'id name nicname country os state kind ipv4_client ipv4_server ipv6_client ipv6_server prefix_length mtu device creation_time unreachable state_since'
    assert.deepEqual(Object.keys(tunnel), fields.split(' '))
  })

  test('what is refused is with --json one problem document on standard output, and status 1', async () => {
    const words = ['tunnel', 'add', '192.0.2.77', 'a_b', 'zz', 'plan9', '--json']
    const { code, stdout, stderr } = await command(...words)
    assert.deepEqual([code, stderr], [1, ''])
    const [document = {}] = jsonLines(stdout)
    assert.deepEqual(
      [document.code, document.status, document.type],
      ['ipv4-in-use', 409, '/errors#ipv4-in-use'],
    )
    const errors = document.errors as { code: string; field: string }[]
    assert.deepEqual(
      errors.map(({ code, field }) => [code, field]),
      [
        ['ipv4-in-use', 'ipv4'],
        ['nicname-syntax', 'nicname'],
        ['country-unknown', 'country'],
        ['os-unknown', 'os'],
      ],
    )
  })

  test('a list is narrowed by country, part of the name, and address or prefix', async () => {
    const names = async (...words: string[]) => {
      const { stdout } = await command('tunnel', 'list', '--json', ...words)
      return stdout === '' ? [] : jsonLines(stdout).map(({ name }) => name)
    }
    assert.deepEqual((await names()).sort(), ['alice.ca.freenet6.net', 'bob.fr.freenet6.net'])
    assert.deepEqual(await names('--country', 'FR'), ['bob.fr.freenet6.net'])
    assert.deepEqual(await names('--name', 'LIC'), ['alice.ca.freenet6.net'])
    assert.deepEqual(await names('--name', 'alice.ca.freenet6.net.'), ['alice.ca.freenet6.net'])
    assert.deepEqual(await names('--state', 'unreachable'), [])
    const { stdout } = await command('tunnel', 'show', '--json', 'alice.ca')
    const [alice = {}] = jsonLines(stdout)
    for (const address of [alice.ipv4_client, alice.ipv6_client, alice.ipv6_server])
      assert.deepEqual(await names('--address', String(address)), ['alice.ca.freenet6.net'])
    const another = String(alice.ipv6_client).replace(/::2$/, '::a:2')
    assert.deepEqual(
      await names('--address', another),
      ['alice.ca.freenet6.net'],
      'the /64 is all the tunnel’s',
    )
    assert.equal((await names('--address', '192.0.2.0/24')).length, 2)
    assert.equal((await names('--address', '2001:db8:f6::/48')).length, 2)
    assert.deepEqual(await names('--address', '203.0.113.1'), [])
  })

  test('status says what is served, by what, and how much room there is', async () => {
    const { stdout } = await command('status', '--json')
    const [status = {}] = jsonLines(stdout)
    assert.equal((status.process as { pid: number }).pid, server.pid)
    assert.deepEqual(
      (status.zones as { name: string }[]).map(({ name }) => name),
      ['6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.', 'freenet6.net.'],
    )
    assert.equal((status.tunnels as Record<string, number>).unreachable, 0)
    assert.equal(status.driver, 'dry-run')
    assert.ok((status.data_dir as { free_bytes: number }).free_bytes > 0)
    const text = await command('status')
    assert.match(text.stdout, /^zone {6}freenet6\.net\. serial \d+, \d+ rrsets$/m)
    assert.match(text.stdout, new RegExp(`running as ${server.pid} `))
  })

  test('a zone is listed, and dumped as a master file with its tunnels', async () => {
    const listed = await command('zone', 'list', '--json')
    assert.deepEqual(
      jsonLines(listed.stdout).map(({ name }) => name),
      ['6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.', 'freenet6.net.'],
    )
    const dumped = await command('zone', 'dump', 'freenet6.net')
    assert.equal(dumped.code, 0)
    assert.match(
      dumped.stdout,
      /^freenet6\.net\. \d+ IN SOA [\s\S]*^alice\.ca\.freenet6\.net\. 60 IN AAAA 2001:db8:f6/m,
    )
    assert.match((await command('zone', 'dump', 'example.com')).stderr, /No zone of this name is served/)
    const unknown = await command('zone', 'dump', 'freenet6.net', '--diff', '1')
    assert.deepEqual([unknown.code, unknown.stdout], [1, ''])
    assert.match(unknown.stderr, /What has changed since this serial is not known/)
  })

  test('a suspended tunnel is listed as such, and resumed', async () => {
    assert.match((await command('tunnel', 'suspend', 'bob.fr')).stdout, /^state: suspended$/m)
    assert.equal((await command('tunnel', 'note', 'bob.fr', 'sends spam')).code, 0)
    const listed = await command('tunnel', 'list', '--state', 'suspended')
    assert.match(listed.stdout, /bob\.fr\.freenet6\.net .* suspended .*note: sends spam$/m)
    assert.match((await command('tunnel', 'resume', 'bob.fr')).stdout, /^state: active$/m)
    assert.match((await command('tunnel', 'renew-key', 'bob.fr')).stdout, /^key: [0-9a-f]{32}$/m)
  })

  test('an invitation is made, listed and revoked; its code is printed once', async () => {
    const added = await command('invitation', 'add', '--uses', '3', '--expires', '7d', '--note', 'the club')
    assert.match(added.stdout, /^code: [a-z0-9]{6}(-[a-z0-9]{4}){3}$/m)
    const id = /^id: (\S+)$/m.exec(added.stdout)?.[1] ?? ''
    const listed = await command('invitation', 'list')
    assert.match(listed.stdout, new RegExp(`^${id} +open +0 of 3 +until \\S+ +the club$`, 'm'))
    assert.doesNotMatch(listed.stdout, new RegExp(/^code: \S{6}-(\S+)$/m.exec(added.stdout)?.[1] ?? 'x'))
    const [first = {}] = jsonLines((await command('invitation', 'list', '--json')).stdout)
    assert.deepEqual([first.id, first.uses, first.used, first.state], [id, 3, 0, 'open'])
    assert.equal((await command('invitation', 'revoke', id)).code, 0)
    assert.match((await command('invitation', 'revoke', id)).stderr, /There is no such invitation/)
    assert.equal((await command('invitation', 'list')).stdout, '')
  })

  test('it is ready', async () => {
    const ready = await fetch(`${server.web}/readyz`)
    assert.deepEqual([ready.status, await ready.json()], [200, { status: 'ready' }])
  })

  test('a parameter that the table does not know is refused on the socket too', async () => {
    using client = await ControlClient.connect(join(server.dir, 'data', 'control.sock'))
    for (const parameters of [{ reference: 'alice.ca', colour: 'red' }, { reference: '' }, {}, 'alice.ca']) {
      const reply = await client.send('tunnel show', parameters)
      assert.equal('problem' in reply && reply.problem.code, 'command-usage', JSON.stringify(parameters))
    }
    const unknown = await client.send('no such', {})
    assert.match(JSON.stringify(unknown), /There is no command.*known: status, tunnel list/)
  })
})

suite('commands where no process runs', () => {
  let dir: string
  let file: string

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-commands-'))
    file = join(dir, 'freenet6.toml')
    writeFileSync(file, configText(LAB))
  })
  after(() => rmSync(dir, { recursive: true }))

  test('make no database', async () => {
    const { code, stderr } = await runCli(['tunnel', 'list', '--config', file])
    assert.equal(code, 1)
    assert.match(stderr, /there is no database in /)
    assert.equal(existsSync(join(dir, 'data')), false)
  })

  test('work on the database, and a long list comes whole', async () => {
    execFileSync(process.execPath, [FILL, '--config', file, '--tunnels', '1200'], { stdio: 'pipe' })
    const listed = await runCli(['tunnel', 'list', '--config', file, '--json'])
    assert.equal(new Set(jsonLines(listed.stdout).map(({ id }) => id)).size, 1200)
    const status = await runCli(['status', '--config', file])
    assert.match(status.stdout, /, not running$/m)
    assert.match(
      status.stdout,
      /^tunnels {3}0 new, 1200 active, 0 unreachable, 0 waiting, 0 dormant, 0 suspended, 0 unoffered, 0 broken$/m,
    )
  })

  test('end quietly when their reader has seen enough', () => {
    for (const words of [`zone dump freenet6.net --config "${file}"`, `status --config "${file}" --json`])
      assert.deepEqual(endedInPipe(words, 'true'), { status: '0', stderr: '' }, words)
    const short = endedInPipe(`zone dump freenet6.net --config "${file}"`, 'head -1')
    assert.deepEqual(short, { status: '0', stderr: '' })
  })

  test('refuse the values of the demo', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'freenet6-empty-'))
    const { code, stderr } = await runCli(['tunnel', 'list'], { dir: empty })
    assert.equal(code, 2)
    assert.match(stderr, /there is no configuration/)
    const { code: again, stdout } = await runCli(['audit', '--json'], { dir: empty })
    assert.equal(again, 2)
    assert.equal(JSON.parse(stdout).code, 'configuration')
    rmSync(empty, { recursive: true })
  })
})

test('where the socket of a process that holds the database is gone, a command names it and what to do', async () => {
  await using server = await startServer({ config: LAB })
  const [file, socket] = [join(server.dir, 'freenet6.toml'), join(server.dir, 'data', 'control.sock')]
  rmSync(socket)
  const [restart, status] = await Promise.all([
    runCli(['restart', '--config', file]),
    runCli(['status', '--config', file, '--json']),
  ])
  assert.equal(restart.code, 1)
  assert.ok(restart.stderr.startsWith(`process-unreachable: Nothing listens on ${socket}, `), restart.stderr)
  assert.match(restart.stderr, /control\.socket/)
  assert.ok(restart.stderr.includes(`(pid ${server.pid})`), restart.stderr)
  assert.doesNotMatch(restart.stderr, /freenet6 restart/)
  const { code, status: httpStatus } = JSON.parse(status.stdout)
  assert.deepEqual([status.code, code, httpStatus], [1, 'process-unreachable', 503])
})

test('a command does not look at the zones of a process that holds the database, whose socket it does not find', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-unlooked-'))
  mkdirSync(join(dir, 'zones'))
  await using server = await startServer({ config: LAB, dir })
  rmSync(join(dir, 'data', 'control.sock'))
  const { code, stderr } = await runCli(['tunnel', 'list', '--config', join(dir, 'freenet6.toml')])
  assert.equal(code, 1)
  assert.match(stderr, /^process-unreachable: /)
  assert.doesNotMatch(stderr, /no zone file gives the apex/)
  await server.stop()
  rmSync(dir, { recursive: true })
})

test('a command waits for another one that has the database', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-held-'))
  const config = join(dir, 'freenet6.toml')
  writeFileSync(config, configText(LAB))
  spawnSync(process.execPath, [FILL, '--config', config, '--tunnels', '1'])
  const database = Database.open(join(dir, 'data', 'freenet6.db'))
  const listed = runCli(['tunnel', 'list', '--config', config])
  await sleep(2000)
  database.close()
  assert.equal((await listed).code, 0)
  rmSync(dir, { recursive: true })
})

suite('the command line', () => {
  test('has every command of the table in its usage', async () => {
    const { code, stdout } = await runCli(['--help'])
    assert.equal(code, 0)
    for (const { name, words, summary } of COMMANDS) {
      const titles = words.map(({ title, isOptional }) => (isOptional ? `[${title}]` : title))
      const line = [name, ...titles].join(' ')
      assert.ok(stdout.includes(`  ${line} `) || stdout.includes(`  ${line}\n`), line)
      assert.ok(stdout.includes(summary), summary)
    }
  })

  test('says a mistake in two lines, and all commands to who gives none', async () => {
    const mistake = await runCli(['tunnel', 'lsit'])
    assert.deepEqual([mistake.code, mistake.stdout, mistake.stderr.trim().split('\n').length], [2, '', 2])
    assert.match(mistake.stderr, /freenet6 --help/)
    const nothing = await runCli([])
    assert.equal(nothing.code, 2)
    assert.match(nothing.stderr, /tunnel list/)
  })

  test('says its version', async () => {
    assert.equal((await runCli(['--version'])).stdout, `freenet6 ${VERSION}\n`)
  })

  test('ends quietly when its reader has gone, with the status that it has come to', () => {
    const broken = join(mkdtempSync(join(tmpdir(), 'freenet6-pipe-')), 'broken.zone')
    writeFileSync(broken, '@ A 192.0.2.300\n')
    assert.deepEqual(endedInPipe('--help', 'true'), { status: '0', stderr: '' })
    assert.deepEqual(endedInPipe(`check-zone "${broken}" example.org`, 'true'), { status: '1', stderr: '' })
    assert.deepEqual(endedInPipe('no-such-command --json', 'true'), { status: '2', stderr: '' })
    assert.deepEqual(endedInPipe('no-such-command 2>&1', 'true'), { status: '2', stderr: '' })
    rmSync(dirname(broken), { recursive: true })
  })

  test('says that its output can not be written', () => {
    const script = `"${process.execPath}" "${CLI}" --help > /dev/full`
    const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
    assert.deepEqual([status, stderr.split('\n').length], [1, 2], stderr)
    assert.match(stderr, /^freenet6: the output can not be written: ENOSPC/)
  })

  test('names the commands that begin with a word', async () => {
    const { code, stderr } = await runCli(['tunnel', 'destroy'])
    assert.equal(code, 2)
    assert.match(
      stderr,
      /^freenet6: tunnel list, tunnel show, tunnel why, tunnel add, tunnel delete, tunnel suspend, tunnel resume, tunnel renew-key, tunnel note, tunnel endpoint, tunnel public-key, tunnel mtu, tunnel routed-prefix, tunnel email, tunnel webhook\?$/m,
    )
  })

  test('refuses an option of another command, and a value that is none of its own', () => {
    const lines = [
      ['audit', '--state', 'new'],
      ['tunnel', 'list', '--state', 'asleep'],
      ['tunnel', 'list', '--address', '192.0.2.1/24'],
      ['tunnel', 'list', '--kind', 'wiregaurd'],
      ['tunnel', 'list', '--country', 'XX'],
      ['tunnel', 'list', '--name', ''],
      ['tunnel', 'list', '--name', 'a b'],
      ['log', '--address', 'nonsense'],
      ['log', '--code', 'nonsense'],
      ['notify', 'bad..name'],
      ['zone', 'dump', 'bad..name'],
      ['zone', 'dump', 'freenet6.net', '--diff', ''],
      ['zone', 'dump', 'freenet6.net', '--diff', '4294967296'],
      ['restore', ''],
      ['invitation', 'add', '--uses', '0'],
      ['invitation', 'add', '--uses', '0x10'],
      ['invitation', 'add', '--uses', '1e3'],
      ['invitation', 'add', '--expires', 'soon'],
      ['tunnel', 'show'],
    ]
    // A start for each would take twenty seconds.
    const each = `import { main } from ${JSON.stringify(PROGRAM)}
      for (const words of ${JSON.stringify(lines)}) console.error(await main([...words, '--json']))`
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', '--input-type=module', '--eval', each],
      { cwd: tmpdir(), encoding: 'utf8' },
    )
    const [codes, problems] = [stderr, stdout].map(jsonLines)
    assert.deepEqual(
      lines.map((words, n) => [words.join(' '), codes?.[n], problems?.[n]?.code]),
      lines.map(words => [words.join(' '), 2, 'command-usage']),
    )
  })
})
