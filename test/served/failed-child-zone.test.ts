import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, runCli, startServer } from '../spawn.ts'

const CONFIG = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
const HEAD = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.3\n'
const BROKEN = HEAD.replace('192.0.2.3', '192.0.2')

function withZones(files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-child-'))
  cpSync(join(import.meta.dirname, '..', '..', 'zones'), join(dir, 'zones'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeZone(dir, name, text)
  return dir
}

function writeZone(dir: string, name: string, text: string): void {
  writeFileSync(join(dir, 'zones', `${name}.zone`), text)
}

async function register(web: string, nicname: string, country: string, ipv4: string) {
  const response = await fetch(`${web}/api/v1/tunnels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ipv4, nicname, country, os: 'linux' }),
  })
  const { state, errors } = (await response.json()) as { state?: string; errors?: { code: string }[] }
  return [response.status, state ?? errors?.[0]?.code]
}

const reload = (dir: string) => runCli(['reload', '--config', join(dir, 'freenet6.toml')])

test('a broken zone file for a country is that zone’s trouble alone: a start goes on, and the others register', async () => {
  const dir = withZones()
  {
    await using server = await startServer({ dir, config: CONFIG })
    assert.deepEqual(await register(server.web, 'foo', 'ca', '198.51.100.7'), [201, 'active'])
    await server.stop()
  }
  writeZone(dir, 'ca.freenet6.net', BROKEN)
  await using server = await startServer({ dir, config: CONFIG })
  const rcode = async (name: string) => (await ask(server.endpoint(), `${name}.freenet6.net`, 'AAAA')).rcode
  assert.equal(await rcode('foo.ca'), 'SERVFAIL')
  const both = [
    register(server.web, 'bar', 'ca', '198.51.100.8'),
    register(server.web, 'baz', 'de', '198.51.100.9'),
  ]
  assert.deepEqual(await Promise.all(both), [
    [409, 'country-unserved'],
    [201, 'active'],
  ])
  assert.equal(await rcode('baz.de'), 'NOERROR')
})

test('a typo in a new zone below a static one takes no name away that is answered', async () => {
  const dir = withZones({ 'example.org': `${HEAD}www.sub A 192.0.2.9\n` })
  await using server = await startServer({ dir, config: CONFIG })
  const look = async () => (await ask(server.endpoint(), 'www.sub.example.org', 'A')).rcode
  writeZone(dir, 'sub.example.org', BROKEN)
  assert.equal((await reload(dir)).code, 1)
  assert.equal(await look(), 'NOERROR')
  rmSync(join(dir, 'zones', 'sub.example.org.zone'))
  assert.equal((await reload(dir)).code, 0)
  assert.equal(await look(), 'NOERROR')
})

test('a zone whose child is broken takes the child’s delegation out, and is served as its file is', async () => {
  const dir = withZones({
    'example.org': `${HEAD}sub NS ns1.sub\nns1.sub A 192.0.2.9\n`,
    'sub.example.org': BROKEN,
  })
  await using server = await startServer({ dir, config: CONFIG })
  writeZone(dir, 'example.org', `${HEAD}www A 192.0.2.5\n`)
  rmSync(join(dir, 'zones', 'sub.example.org.zone'))
  const { stdout, stderr } = await reload(dir)
  assert.equal((await ask(server.endpoint(), 'www.example.org', 'A')).rcode, 'NOERROR', stdout + stderr)
})
