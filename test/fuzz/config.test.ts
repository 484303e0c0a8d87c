/** Configuration files: values or mistakes, one line each, whatever an editor has made of the text. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseConfig } from '../../src/config/config.ts'
import { changedText, changes, fuzz } from './fuzz.ts'

const GOOD = `origin = "freenet6.net"
data_dir = "data"
[dns]
listen = ["127.0.0.1:5300", "[::1]:5300"]
ttl = 60
allow_transfer = ["192.0.2.0/24", "key:k1."]
[[dns.keys]]
name = "k1."
algorithm = "hmac-sha256"
secret = "AAECAw=="
[[dns.secondaries]]
address = "192.0.2.53:53"
key = "k1."
[dns.rate_limit]
slip = 2
[web]
listen = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080"
trusted_proxies = ["10.0.0.0/8"]
[tunnel]
prefix = "2001:db8:f6::/48"
server_ipv4 = "192.0.2.1"
mtu = 1480
reachability = "require"
allow_special_purpose = false
[monitor]
interval = "60s"
threshold = 5
`
const key = fc.oneof(
  fc.constantFrom(
    'origin',
    'dns',
    'dns.listen',
    'dns.keys',
    'web',
    'tunnel.prefix',
    'monitor.interval',
    'control',
  ),
  fc.constantFrom(
    'constructor',
    '__proto__',
    'dns.toString',
    'dns.keys.x',
    '"a\\nb"',
    '""',
    '"\\u001b[2J"',
    'ttl',
  ),
)
const value = fc.oneof(
  fc.constantFrom(
    '1',
    '-1',
    '1e400',
    'nan',
    '-inf',
    '0x7fffffffffffffff',
    '1979-05-27T07:32:00Z',
    '1979-05-27',
  ),
  fc.constantFrom(
    '""',
    '"x"',
    '[]',
    '{}',
    '[[]]',
    '[1, "a", {}]',
    '{ a = { b = 1 } }',
    'true',
    '"\\u0000"',
    "'''\n'''",
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map(text => JSON.stringify(text)),
  fc.nat(1200).map(depth => `${'['.repeat(depth)}${']'.repeat(depth)}`),
)
const line = fc.oneof(
  fc.tuple(key, value).map(([name, worth]) => `${name} = ${worth}`),
  key.map(name => `[${name}]`),
  key.map(name => `[[${name}]]`),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const text = fc.oneof(
  changes.map(list => changedText(GOOD, list)),
  fc.array(line, { maxLength: 8 }).map(lines => lines.join('\n')),
  fc.tuple(fc.array(line, { maxLength: 3 }), fc.nat(30)).map(([lines, at]) => {
    const good = GOOD.split('\n')
    return [...good.slice(0, at), ...lines, ...good.slice(at)].join('\n')
  }),
)

fuzz(
  'a text is a configuration or mistakes of one printable line each',
  fc.property(text, text => {
    const reading = parseConfig(text, '/srv/freenet6.toml')
    if (reading.kind === 'config') {
      assert.equal(reading.config.demo, false)
      return
    }
    assert.ok(reading.mistakes.length > 0)
    for (const mistake of reading.mistakes) assert.match(mistake, /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u)
  }),
)
