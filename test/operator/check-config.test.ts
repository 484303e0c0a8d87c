import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { runCli } from '../spawn.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'
const REAL = 'zones_dir = "zones"\n[tunnel]\nprefix = "2a00:1::/48"\nserver_ipv4 = "8.8.4.4"\n'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-check-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'freenet6.toml'), REAL)
  zone('freenet6.net', APEX)
})
afterEach(() => rmSync(dir, { recursive: true }))

function zone(name: string, text: string): void {
  writeFileSync(join(dir, 'zones', `${name}.zone`), text)
}

/** What is said of a data_dir that nothing has been served from. */
function isNew(directory: string): string {
  return `warning: data_dir = "${directory}": there is no database yet: a new one will be made\n`
}

function check(...words: string[]) {
  return runCli(['check-config', '--config', join(dir, 'freenet6.toml'), ...words], { dir })
}

test('a configuration and zones without mistakes are one line, and the first time one on the database that will be made', async () => {
  const { code, stdout, stderr } = await check()
  const all = `${isNew(join(dir, 'data'))}${join(dir, 'freenet6.toml')}: no mistakes\n`
  assert.deepEqual([code, stderr, stdout], [0, '', all])
})

test('a mistake in a zone file is one of the configuration, with file, line and column', async () => {
  zone('example.org', `${APEX}a A 192.0.2.300\n`)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(stderr, /example\.org\.zone:5:5: error: /)
})

test('two files for one zone are a mistake that names both', async () => {
  zone('other', `$ORIGIN FreeNet6.net.\n${APEX}`)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(
    stderr,
    /other\.zone: error: gives the zone freenet6\.net\., and so does .*freenet6\.net\.zone/,
  )
})

test('a file for the zone that the list of zones is to be is a mistake', async () => {
  writeFileSync(join(dir, 'freenet6.toml'), `${REAL}[dns]\ncatalog_zone = "List.example"\n`)
  zone('list.example', APEX)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(stderr, /list\.example\.zone: gives the zone list\.example\., which dns\.catalog_zone names/)
})

test('a file that is named unlike its zone is a warning, and warnings end with 0', async () => {
  zone('other', `$ORIGIN example.net.\n${APEX}`)
  const { code, stdout } = await check()
  assert.equal(code, 0)
  assert.match(stdout, /^warning: .*other\.zone: has the zone example\.net\., unlike its name$/m)
  const json = JSON.parse((await check('--json')).stdout)
  assert.equal(json.warnings.length, 2)
})

test('a data_dir that can not be is a mistake', async () => {
  writeFileSync(join(dir, 'freenet6.toml'), `data_dir = "freenet6.toml/data"\n${REAL}`)
  const { code, stdout } = await check('--json')
  assert.equal(code, 2)
  const document = JSON.parse(stdout)
  assert.equal(document.code, 'configuration')
  assert.match(document.detail, /^data_dir = ".*\/data": .*freenet6\.toml can't be written$/)
})

test('a control socket that serve can not make is a mistake', async () => {
  const told = async (socket: string) => {
    writeFileSync(join(dir, 'freenet6.toml'), `${REAL}[control]\nsocket = "${socket}"\n`)
    const { code, stderr } = await check()
    return code === 0 ? '' : stderr.replaceAll(dir, '')
  }
  assert.equal(await told('run/x.sock'), 'control.socket = "/run/x.sock": there is no directory /run\n')
  assert.match(await told('freenet6.toml/x.sock'), /: there is no directory \/freenet6\.toml$/m)
  const noSocket = 'something that is no socket stands there'
  assert.equal(await told('freenet6.toml'), `control.socket = "/freenet6.toml": ${noSocket}\n`)
  symlinkSync('nowhere', join(dir, 'link'))
  assert.equal(await told('link'), `control.socket = "/link": ${noSocket}\n`)
})

test('a control socket may lie in a directory that serve makes for the data, or a service manager below /run', async () => {
  const text = (socket: string) => `data_dir = "a/b/data"\n${REAL}[control]\nsocket = "${socket}"\n`
  for (const socket of ['a/b/data/x.sock', 'a/b/x.sock', 'x.sock']) {
    writeFileSync(join(dir, 'freenet6.toml'), text(socket))
    assert.deepEqual(await check(), {
      code: 0,
      stdout: `${isNew(join(dir, 'a/b/data'))}${join(dir, 'freenet6.toml')}: no mistakes\n`,
      stderr: '',
    })
  }
  writeFileSync(join(dir, 'freenet6.toml'), text('/run/no-such-service/x.sock'))
  const { code, stdout } = await check()
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^warning: control\.socket = .*: there is no directory \/run\/no-such-service yet: .*RuntimeDirectory=/m,
  )
})

test('a certificate that can not be read is a mistake', async () => {
  const tls = '[dns.tls]\nlisten = ["127.0.0.1:8853"]\ncertificate = "no.pem"\nkey = "no.key"\n'
  writeFileSync(join(dir, 'freenet6.toml'), `${REAL}${tls}`)
  const { code, stderr } = await check()
  assert.equal(code, 2)
  assert.match(stderr, /^dns\.tls\.certificate = ".*\/no\.pem", dns\.tls\.key = ".*\/no\.key": ENOENT/m)
})

test('what stands above the names of tunnels is a warning each: delegation, DNAME and CNAME of a country', async () => {
  zone(
    'freenet6.net',
    `${APEX}ca CNAME ns1\nde NS ns1.example.\nfr DNAME example.org.\nwww.nl CNAME ns1\nlab NS ns1.example.\n`,
  )
  const { code, stdout } = await check()
  assert.equal(code, 0)
  const lines = stdout.split('\n').filter(line => line.includes('stands above'))
  assert.deepEqual(
    lines.map(line => /: (\S+ \S+) stands above the names of tunnels in (..):/.exec(line)?.slice(1)),
    [
      ['ca.freenet6.net. CNAME', 'ca'],
      ['de.freenet6.net. NS', 'de'],
      ['fr.freenet6.net. DNAME', 'fr'],
    ],
  )
})

test('a delegation inside the reverse zone is a warning, and one below a tunnel’s link is not', async () => {
  const link = '1.0.0.0'
  zone('0.0.0.0.1.0.0.0.0.0.a.2.ip6.arpa', `${APEX}${link} NS ns1.example.\n5.${link} NS ns1.example.\n`)
  const { stdout } = await check()
  const lines = stdout.split('\n').filter(line => line.includes('stands above'))
  assert.equal(lines.length, 1, stdout)
  assert.match(
    lines[0] ?? '',
    /1\.0\.0\.0\.0\.0\.0\.0\.1\..* NS stands above the names of links of 2a00:1::\/48/,
  )
})

test('a long negative TTL is a warning', async () => {
  zone('freenet6.net', APEX.replace('$TTL 60', '$TTL 86400').replace('2 3 4 5', '2 3 4 900'))
  const { stdout } = await check()
  assert.match(stdout, /^warning: .*the negative TTL is 900 s/m)
})

test('zones of files none of which is that of origin are a warning: it is most likely misspelt', async () => {
  writeFileSync(join(dir, 'freenet6.toml'), `origin = "freenet7.net"\n${REAL}`)
  const { code, stdout } = await check()
  assert.equal(code, 0)
  assert.match(stdout, /^warning: origin = "freenet7\.net": no zone file gives it: a plain SOA, NS and glue/m)
})
