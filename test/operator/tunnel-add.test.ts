import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { newPublicKey } from '../public-key.ts'
import { runCli, type Server, startServer } from '../spawn.ts'

const CONFIG = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
routed_prefix = "2001:db8:8000::/44"
[tunnel.wireguard]
endpoint = "wg.example.net"
`
const KEY = newPublicKey()

let server: Server
const command = (...words: string[]) => runCli([...words, '--config', join(server.dir, 'freenet6.toml')])

before(async () => {
  server = await startServer({ config: CONFIG })
})
after(() => server[Symbol.asyncDispose]())

test('a WireGuard tunnel is registered by its public key, and the reply has what its client needs', async () => {
  const words = ['tunnel', 'add', 'phone', 'ca', 'linux', '--kind', 'wireguard', '--public-key', KEY]
  const { code, stdout } = await command(...words, '--routed-prefix', '--mtu', '1400', '--json')
  assert.equal(code, 0, stdout)
  const { id, key, wireguard, ...added } = JSON.parse(stdout)
  assert.deepEqual(
    [added.kind, added.ipv4_client, added.mtu, added.prefix_length, added.routed_prefix],
    ['wireguard', null, 1400, 64, '2001:db8:8000::/56'],
  )
  const headers = { authorization: `Bearer ${key}` }
  const api = JSON.parse(await (await fetch(`${server.web}/api/v1/tunnels/${id}`, { headers })).text())
  assert.deepEqual(api.wireguard, wireguard)
  assert.equal(wireguard.public_key, KEY)
  assert.match(wireguard.server_public_key, /^[\w+/]{43}=$/)
  assert.equal(wireguard.endpoint, 'wg.example.net:51820')
  for (const field of ['ipv4_server', 'ipv6_client', 'ipv6_server', 'prefix_length', 'mtu'])
    assert.equal(added[field], api[field], field)
})

test('a person reads the same, a line a field', async () => {
  const { stdout } = await command('tunnel', 'show', 'phone.ca')
  assert.match(stdout, /^mtu: 1400\nwireguard\.public_key: .*\nwireguard\.server_public_key: [\w+/]{43}=\n/m)
  assert.match(stdout, /^wireguard\.endpoint: wg\.example\.net:51820$/m)
  const listed = await command('tunnel', 'list', '--kind', 'wireguard', '--json')
  assert.deepEqual(
    listed.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).nicname),
    ['phone'],
  )
})

test('why a tunnel does not work is asked of the running process', async () => {
  const { stdout } = await command('tunnel', 'why', 'phone.ca', '--json')
  const { finding, seen } = JSON.parse(stdout)
  assert.deepEqual([finding, seen.tunnel], ['dry-run', 'not-asked'])
})

test('what the API refuses is refused with the same codes', async () => {
  const codesOf = async (...words: string[]) => {
    const { code, stdout } = await command('tunnel', 'add', ...words, '--json')
    assert.equal(code, 1, stdout)
    return JSON.parse(stdout).errors.map((error: { code: string }) => error.code)
  }
  const keyed = ['--kind', 'wireguard', '--public-key']
  assert.deepEqual(await codesOf('other', 'ca', 'linux', ...keyed, KEY), ['public-key-in-use'])
  assert.deepEqual(await codesOf('other', 'ca', 'linux', ...keyed, 'AAAA'), ['public-key-syntax'])
  assert.deepEqual(await codesOf('other', 'ca', 'linux', '--kind', 'wireguard'), ['public-key-syntax'])
  assert.deepEqual(await codesOf('phone', 'xx', 'cisco-ios', ...keyed, 'AAAA', '--mtu', '1421'), [
    'public-key-syntax',
    'country-unknown',
    'os-unknown',
    'mtu-range',
  ])
  assert.deepEqual(await codesOf('192.0.2.5', 'other', 'ca', 'linux', '--kind', 'gre'), ['kind-unknown'])
  assert.deepEqual(await codesOf('192.0.2.5', 'other', 'ca', 'linux', '--email', 'o@example.org'), [
    'email-none',
  ])
})

test('words that fit no kind are a mistake of usage, and nothing is registered', async () => {
  for (const words of [
    ['other', 'ca', 'linux'],
    ['other', 'ca'],
    ['192.0.2.5', 'other', 'ca', 'linux', 'more'],
    ['192.0.2.5', 'other', 'ca', 'linux', '--public-key', KEY],
    ['192.0.2.5', 'other', 'ca', 'linux', '--kind', 'wireguard', '--public-key', KEY],
  ]) {
    const { code, stderr } = await command('tunnel', 'add', ...words)
    assert.deepEqual([code, /tunnel add/.test(stderr)], [2, true], stderr)
  }
  assert.equal((await command('tunnel', 'show', 'other.ca')).code, 1)
})

test('what is changed of a tunnel is changed by commands of its own', async () => {
  const fieldOf = async (field: string, ...words: string[]) => {
    const { code, stdout } = await command('tunnel', ...words, '--json')
    assert.equal(code, 0, stdout)
    return JSON.parse(stdout)[field]
  }
  const other = newPublicKey()
  assert.equal((await fieldOf('wireguard', 'public-key', 'phone.ca', other)).public_key, other)
  assert.equal(await fieldOf('mtu', 'mtu', 'phone.ca', '1300'), 1300)
  assert.equal(await fieldOf('mtu', 'mtu', 'phone.ca', 'default'), 1420)
  assert.equal(await fieldOf('ipv4_client', 'add', '192.0.2.5', 'other', 'ca', 'linux'), '192.0.2.5')
  assert.equal(await fieldOf('ipv4_client', 'endpoint', 'other.ca', '192.0.2.6'), '192.0.2.6')
  assert.equal(await fieldOf('email', 'email', 'other.ca', ''), undefined)
  const { code, stderr } = await command('tunnel', 'mtu', 'phone.ca', '1421')
  assert.deepEqual([code, /^mtu-range/.test(stderr)], [1, true])
})
