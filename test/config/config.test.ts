import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { changedKeys, withKey } from '../../src/config/changed-keys.ts'
import { parseConfig, readConfig } from '../../src/config/config.ts'

function mistakesOf(text: string): readonly string[] {
  const reading = parseConfig(text, '/srv/freenet6.toml')
  return reading.kind === 'mistakes' ? reading.mistakes : []
}

function configOf(text: string) {
  const reading = parseConfig(text, '/srv/freenet6.toml')
  assert.equal(reading.kind, 'config', JSON.stringify(reading))
  return reading.kind === 'config' ? reading.config : assert.fail()
}

test('what is no prefix or nicname can’t be blocked, and is named', () => {
  assert.deepEqual(
    mistakesOf(
      '[web]\nblocked_prefixes = ["192.0.2.1/24"]\nblocked_nicnames = ["*", "a.b"]\ninvitations = "on"',
    ).length,
    4,
  )
  const { web } = configOf('[web]\nblocked_nicnames = ["PayPal*"]')
  assert.deepEqual(web.blocked_nicnames, ['paypal*'])
})

test('an empty file has every default of the contract, and is no demo', () => {
  const config = configOf('')
  assert.equal(config.demo, false)
  assert.equal(config.origin, 'freenet6.net')
  assert.equal(config.data_dir, '/srv/data')
  assert.equal(config.control.socket, '/srv/data/control.sock')
  assert.deepEqual(config.dns.listen, [
    { address: '127.0.0.1', port: 5300 },
    { address: '::1', port: 5300 },
  ])
  assert.equal(config.dns.ttl, 60)
  assert.deepEqual(config.web.listen, { address: '127.0.0.1', port: 8080 })
  assert.equal(config.web.registrations_per_hour, 10)
  assert.equal(config.tunnel.reachability, 'require')
  assert.equal(config.tunnel.foreign_endpoints, false)
  assert.equal(config.tunnel.max_tunnels, 65_000)
  assert.deepEqual(
    [config.monitor.interval, config.monitor.timeout, config.monitor.threshold],
    [60_000, 3000, 5],
  )
})

test('a public URL is its origin, whatever its case and final slash', () => {
  for (const text of ['https://broker.example.net', 'https://Broker.example.net:443/'])
    assert.equal(configOf(`[web]\npublic_url = "${text}"`).web.public_url, 'https://broker.example.net')
})

test('a key is its canonical name and the octets of its secret, and is known by its name in any case', () => {
  const { dns } = configOf(`[[dns.keys]]
name = "K1.Example"
algorithm = "hmac-sha256"
secret = "AAECAw=="
[dns]
allow_transfer = ["key:k1.EXAMPLE."]
[[dns.secondaries]]
address = "192.0.2.53:53"
key = "k1.example"`)
  assert.deepEqual(dns.keys, [
    {
      name: Uint8Array.from(Buffer.from('\x02k1\x07example\0')),
      algorithm: 'hmac-sha256',
      secret: Uint8Array.of(0, 1, 2, 3),
    },
  ])
})

test('the zones that come with the program are the demo’s alone, and a directory that is named is there', () => {
  assert.equal(configOf('').zones_dir, '/srv/zones')
  assert.deepEqual(mistakesOf('zones_dir = "nowhere"'), [
    'zones_dir = "/srv/nowhere": there is no such directory',
  ])
})

test('with no file at all the demo values are in force', () => {
  const here = process.cwd()
  process.chdir('/')
  try {
    const reading = readConfig()
    assert.equal(reading.kind, 'config')
    if (reading.kind !== 'config') return
    assert.equal(reading.config.demo, true)
    assert.equal(reading.config.tunnel.reachability, 'off')
    assert.equal(reading.config.tunnel.allow_special_purpose, true)
    assert.equal(reading.config.tunnel.foreign_endpoints, true)
    assert.equal(reading.config.web.registrations_per_hour, 0)
  } finally {
    process.chdir(here)
  }
})

test('with no file named the first of the places is read that has one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-config-'))
  const [absent, present] = [join(directory, 'a.toml'), join(directory, 'b.toml')]
  writeFileSync(present, 'origin = "b.example"')
  const reading = readConfig(undefined, [absent, present])
  assert.equal(reading.kind === 'config' && reading.config.source, present)
  writeFileSync(absent, 'origin = "a.example"')
  const again = readConfig(undefined, [absent, present])
  assert.equal(again.kind === 'config' && again.config.source, absent)
  rmSync(directory, { recursive: true })
})

test('a file that is not there is a mistake', () => {
  assert.equal(readConfig('/nonexistent/freenet6.toml').kind, 'mistakes')
})

const MISTAKES: readonly [text: string, line: RegExp][] = [
  ['origin = "a..b"', /^origin = "a\.\.b": expected a domain name/],
  ['orgin = "a.b"', /^orgin = "a\.b": there is no such key; did you mean origin\?$/],
  ['[dns]\nthread = 3', /^dns\.thread = 3: there is no such key; did you mean threads\?$/],
  ['foo = 1', /^foo = 1: there is no such key; known here: origin, data_dir, .*monitor/],
  ['[dns]\ntll = 3', /^dns\.tll = 3: there is no such key; did you mean ttl\?$/],
  ['[monitor]\nkeys = "x"', /^monitor\.keys = \(not shown\): there is no such key/],
  ['[web]\nadmin_password = "s3cret"', /^web\.admin_password = \(not shown\): there is no such key/],
  [
    '[webhook]\nurl = "https://me:s3cret@x"',
    /^webhook\.url = "https:\/\/\(not shown\)@x": there is no such key/,
  ],
  [
    '[dns]\nscrt = { secret = "x" }',
    /^dns\.scrt = \(not shown\): there is no such key; known here: listen, /,
  ],
  [
    '[[dns.keys]]\nname = "k."\nalgorithm = "hmac-sha256"\nsecret = "AAAA"\nsecrets = "AAAA"',
    /^dns\.keys\[0\]\.secrets = \(not shown\): there is no such key; did you mean secret\?$/,
  ],
  [
    '[[dns.secondaries]]\naddres = "192.0.2.1:53"\naddress = "192.0.2.1:53"',
    /^dns\.secondaries\[0\]\.addres = "192\.0\.2\.1:53": there is no such key; did you mean address\?$/,
  ],
  ['[dns]\nttl = -1', /^dns\.ttl = -1: expected a whole number from 0/],
  ['[dns]\nttl = 1.5', /^dns\.ttl = 1\.5: expected a whole number/],
  ['[dns]\nlisten = []', /^dns\.listen = \[\]: expected at least one/],
  ['[dns]\nlisten = ["127.0.0.1"]', /^dns\.listen\[0\] = "127\.0\.0\.1": expected address:port/],
  ['[dns]\nlisten = ["[::1:53"]', /^dns\.listen\[0\]/],
  [
    '[dns]\nlisten = ["[::1]:53", "127.0.0.1:53", "[0::1]:53"]',
    /^dns\.listen = "\[::1\]:53": stands there twice$/,
  ],
  ['[dns]\ncatalog_zone = "-a"', /^dns\.catalog_zone = "-a": expected a domain name/],
  ['[dns]\nnotify_source = "192.0.2.0/24"', /^dns\.notify_source = .*: expected an IPv4 or IPv6 address/],
  [
    '[dns.tls]\nlisten = ["127.0.0.1:853"]\nkey = "k.pem"',
    /^dns\.tls\.certificate = "": expected a PEM file$/,
  ],
  [
    '[dns]\nlisten = ["127.0.0.1:53"]\n[dns.tls]\nlisten = ["127.0.0.1:53"]\nkey = "k"\ncertificate = "c"',
    /^dns\.listen = "127\.0\.0\.1:53": stands there twice$/,
  ],
  ['[dns]\nallow_transfer = ["key:nobody"]', /"key:nobody": no dns\.keys entry has this name/],
  [
    '[dns]\nallow_transfer = ["key:c2l4dGVlbiBvY3RldHMuLg=="]',
    /"key:\(not shown\)": no dns\.keys entry has this name/,
  ],
  [
    '[dns]\nallow_transfer = ["192.0.2.1/24"]',
    /^dns\.allow_transfer\[0\] = "192\.0\.2\.1\/24": expected an address, a prefix/,
  ],
  [
    '[[dns.keys]]\nname = "k."\nalgorithm = "md5"\nsecret = "AAAA"',
    /^dns\.keys\[0\]\.algorithm = "md5": one of "hmac-sha1"/,
  ],
  [
    '[[dns.keys]]\nname = "k."\nalgorithm = "hmac-sha256"\nsecret = "?"',
    /^dns\.keys\[0\]\.secret = \(not shown\): expected base64/,
  ],
  [
    '[[dns.keys]]\nname = "k."\nalgorithm = "hmac-sha256"\nsecret = ""',
    /^dns\.keys\[0\]\.secret = "": expected base64/,
  ],
  [
    '[[dns.keys]]\nname = "k."\nalgorithm = "hmac-sha256"\nsecret = 4711',
    /^dns\.keys\[0\]\.secret = \(not shown\): expected base64$/,
  ],
  [
    '[[dns.keys]]\nname = "a..b"\nalgorithm = "hmac-sha256"\nsecret = "AAAA"',
    /^dns\.keys\[0\]\.name = "a\.\.b": expected a domain name/,
  ],
  [
    `[[dns.keys]]\nname = "${'k'.repeat(64)}."\nalgorithm = "hmac-sha256"\nsecret = "AAAA"`,
    /^dns\.keys\[0\]\.name = "k+\.": expected a domain name/,
  ],
  [
    ['k1', 'K1.']
      .map(name => `[[dns.keys]]\nname = "${name}"\nalgorithm = "hmac-sha256"\nsecret = "AAAA"`)
      .join('\n'),
    /^dns\.keys\.name = "k1\.": another dns\.keys entry has this name$/,
  ],
  ['[web]\npublic_url = "https://x.example/broker"', /^web\.public_url = .*without path/],
  ['[web]\npublic_url = "https://x.example/?a"', /^web\.public_url = .*without path/],
  [
    '[web]\npublic_url = "https://me:secret@x.example"',
    /^web\.public_url = "https:\/\/\(not shown\)@x\.example": .*without path/,
  ],
  ['[web]\npublic_url = "ftp://x"', /^web\.public_url = "ftp:\/\/x": .*URL/],
  ['[web]\nipv4_url = "https://x.example/ip"', /^web\.ipv4_url = .*without path/],
  ['[web]\nipv4_url = "http://[2001:db8::1]"', /^web\.ipv4_url = .*a name that has an IPv4 address alone$/],
  ['[web]\nipv4_url = "https://ipv4.x.example"', /^web\.ipv4_url = .*takes web\.public_url as well/],
  [
    '[web]\npublic_url = "https://x.example"\nipv4_url = "http://ipv4.x.example"',
    /^web\.ipv4_url = .*expected a URL with https, as web\.public_url is$/,
  ],
  [
    '[web]\npublic_url = "https://x.example"\nipv4_url = "http://X.example:8080"',
    /^web\.ipv4_url = "http:\/\/x\.example:8080": expected another name than that of web\.public_url/,
  ],
  ['[tunnel]\nprefix = "2001:db8::/50"', /the nearest are \/48 and \/52$/],
  ['[tunnel]\nprefix = "2001:db8::/64"', /a prefix from \/32 to \/60$/],
  ['[tunnel]\nprefix = "2001:db8::1/48"', /an IPv6 prefix without host bits/],
  ['[tunnel]\nserver_ipv4 = "127.1"', /^tunnel\.server_ipv4 = "127\.1": expected a dotted quad/],
  ['[tunnel]\ndriver = "gre"', /one of "auto", "sit", "dry-run"$/],
  ['[tunnel]\nmtu = 1000', /from 1280 to 1480$/],
  ['[tunnel]\ndevice_prefix = "much-too-long-"', /a letter and up to six/],
  ['[tunnel]\nforeign_endpoints = "yes"', /^tunnel\.foreign_endpoints = "yes": expected true or false$/],
  [
    '[monitor]\ninterval = 60',
    /^monitor\.interval = 60: expected a string in quotes, such as interval = "60s"$/,
  ],
  [
    '[dns]\nlisten = "192.0.2.1:53"',
    /^dns\.listen = "192\.0\.2\.1:53": expected an array, such as listen = \["192\.0\.2\.1:53"\]$/,
  ],
  [
    '[dns]\nkeys = ["c2VjcmV0"]',
    /^dns\.keys\[0\] = \(not shown\): expected a table: write \[\[dns\.keys\]\]$/,
  ],
  ['[mail]\nfrom = "nobody"', /^mail\.from = "nobody": expected an e-mail address, such as /],
  [
    '[mail]\nfrom = 3',
    /^mail\.from = 3: expected a string in quotes, such as from = "tunnels@example\.net"$/,
  ],
  [
    '[mail]\nsmtp = "smpt://me:s3cret@mail.example.net"',
    /^mail\.smtp = \(not shown\): expected an smtp or smtps URL/,
  ],
  ['mail = "smtp://me:s3cret@x"', /^mail = \(not shown\): expected a table: write \[mail\]$/],
  ['[dns.keys]\nname = "k1."', /^dns\.keys = \(not shown\): expected an array: write \[\[dns\.keys\]\]$/],
  ['web = 8080', /^web = 8080: expected a table: write \[web\]$/],
  [
    '[dns]\norigin = "a.example"',
    /^dns\.origin = "a\.example": there is no such key: origin stands at the top$/,
  ],
  ['ttl = 60', /^ttl = 60: there is no such key: ttl stands in \[dns\]$/],
  [
    '[monitor]\nanchors = ["192.0.2.0/24"]',
    /^monitor\.anchors\[0\] = "192\.0\.2\.0\/24": expected an IPv4 or IPv6/,
  ],
  ['[monitor]\ninterval = "1x"', /a duration from 10ms to 24h/],
  ['[tunnel]\nprefix = "fe80::/48"', /^tunnel\.prefix = "fe80::\/48": expected a global unicast prefix/],
  ['[tunnel]\nprefix = "ff02::/48"', /^tunnel\.prefix = "ff02::\/48": expected a global unicast prefix/],
  ['[tunnel]\nserver_ipv4 = "0.0.0.0"', /^tunnel\.server_ipv4 = "0\.0\.0\.0": expected a public unicast/],
  ['[tunnel]\nserver_ipv4 = "10.0.0.1"', /^tunnel\.server_ipv4 = "10\.0\.0\.1": expected a public unicast/],
  [
    '[dns]\nlisten = ["[2001:db8::1]:53", "[2001:db8::1]:53"]',
    /^dns\.listen = "\[2001:db8::1\]:53": stands there twice$/,
  ],
  [
    '[dns]\nlisten = ["127.0.0.1:53", "0.0.0.0:53"]',
    /^dns\.listen = "127\.0\.0\.1:53": "0\.0\.0\.0:53" of dns\.listen takes every address of this port$/,
  ],
  [
    '[dns]\nlisten = ["[0::0]:53", "0.0.0.0:53"]\n[dns.tls]\nlisten = ["[::1]:53"]\nkey = "k"\ncertificate = "c"',
    /^dns\.tls\.listen = "\[::1\]:53": "\[::\]:53" of dns\.listen takes every address of this port$/,
  ],
  [
    '[dns]\nlisten = ["0.0.0.0:5353"]\n[web]\nlisten = "127.0.0.1:5353"',
    /^web\.listen = "127\.0\.0\.1:5353": "0\.0\.0\.0:5353" of dns\.listen takes every address/,
  ],
  [
    '[dns]\nlisten = ["127.0.0.1:5353"]\n[web]\nlisten = "0.0.0.0:5353"',
    /^dns\.listen = "127\.0\.0\.1:5353": "0\.0\.0\.0:5353" of web\.listen takes every address/,
  ],
  [
    'origin = "Example.net"\n[dns]\ncatalog_zone = "example.net."',
    /^dns\.catalog_zone = "example\.net": is the zone of origin: expected a name that no other zone has$/,
  ],
  [
    '[dns]\ncatalog_zone = "6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa"',
    /^dns\.catalog_zone = .*: is the reverse zone of tunnel\.prefix: expected/,
  ],
  [
    '[dns]\ncatalog_zone = "9.8.b.d.0.1.0.0.2.ip6.arpa"\n[tunnel]\nrouted_prefix = "2001:db8:8000::/34"',
    /^dns\.catalog_zone = .*: is a reverse zone of tunnel\.routed_prefix: expected/,
  ],
  [
    'origin = "Example.net"\n[dns]\ncatalog_zone = "DE.example.net."',
    /^dns\.catalog_zone = "de\.example\.net": is the names of tunnels in a country, de\.example\.net: expected/,
  ],
  [
    'origin = "example.net"\n[dns]\ncatalog_zone = "list.ca.example.net"',
    /^dns\.catalog_zone = .*: is below the names of tunnels in a country, ca\.example\.net: expected/,
  ],
  [
    '[dns]\ncatalog_zone = "list.6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa"',
    /^dns\.catalog_zone = .*: is below the reverse zone of tunnel\.prefix: expected/,
  ],
  [
    '[dns]\ncatalog_zone = "8.b.d.0.1.0.0.2.ip6.arpa"',
    /^dns\.catalog_zone = .*: is above the reverse zone of tunnel\.prefix: expected/,
  ],
  [
    '[dns]\ncatalog_zone = "1.9.8.b.d.0.1.0.0.2.ip6.arpa"\n[tunnel]\nrouted_prefix = "2001:db8:8000::/34"',
    /^dns\.catalog_zone = .*: is below a reverse zone of tunnel\.routed_prefix: expected/,
  ],
  ['[web]\nlisten = "127.0.0.1:5300"', /^web\.listen = "127\.0\.0\.1:5300": dns\.listen has the same/],
  [`[control]\nsocket = "/${'s'.repeat(107)}"`, /expected a path of at most 107 octets, not 108$/],
  ['origin = ', /^\/srv\/freenet6\.toml:1:\d+: /],
]

for (const [text, line] of MISTAKES) {
  test(`a mistake is one line with key, value and what is allowed: ${text.replaceAll('\n', ' ')}`, () => {
    const mistakes = mistakesOf(text)
    assert.equal(mistakes.length, 1, mistakes.join('\n'))
    assert.match(mistakes[0] ?? '', line)
  })
}

test('a mistake stays in one line and leaves the terminal alone, whatever the keys and values are', () => {
  const text = '"\\u001b[2J\\n" = 1\n[dns]\nallow_transfer = ["key:\\u0085\\u2028"]\n'
  const [unknown, ...others] = mistakesOf(text)
  assert.deepEqual(others, [])
  assert.match(unknown ?? '', /^\\u001b\[2J\\u000a = 1: there is no such key/)
  const [noName] = mistakesOf(text.replace(/^.*\n/, ''))
  assert.match(noName ?? '', /^dns\.allow_transfer = "key:\\u0085\\u2028": /)
})

test('all mistakes come together', () => {
  assert.equal(mistakesOf('origin = 3\n[dns]\nttl = "x"\n[monitor]\nthreshold = 0\nfoo = 1').length, 4)
})

test('what is odd and can be served is a warning', () => {
  const warningsOf = (text: string) => {
    const reading = parseConfig(text, '/srv/freenet6.toml')
    return reading.kind === 'config' ? reading.warnings : assert.fail(JSON.stringify(reading))
  }
  const real = '[tunnel]\nprefix = "2a00:1::/48"\nserver_ipv4 = "8.8.4.4"\n'
  assert.deepEqual(warningsOf(real), [])
  const lines = warningsOf(`[monitor]
interval = "1s"
[tunnel]
prefix = "2001:db8:f6::/60"
[[dns.keys]]
name = "k1."
algorithm = "hmac-sha256"
secret = "AAECAw=="`)
  for (const [index, line] of [
    /^tunnel\.prefix = .* set aside for documentation/,
    /^tunnel\.server_ipv4 = .* set aside for documentation/,
    /^monitor\.timeout = "3000ms": is longer than monitor\.interval/,
    /^tunnel\.max_tunnels = 65000: 2001:db8:f6::\/60 has room for 16 tunnels alone$/,
    /^dns\.keys "k1\.": the secret has 4 octets/,
  ].entries())
    assert.match(lines[index] ?? '', line)
  const port53 = `[dns]\nlisten = ["8.8.4.4:53"]\n${real}[tunnel.wireguard]\nport = 53`
  assert.deepEqual(warningsOf(port53), [
    'tunnel.wireguard.port = 53: dns.listen has this port: WireGuard gets it on no address',
  ])
  const key =
    '\n[[dns.keys]]\nname = "k1."\nalgorithm = "hmac-sha256"\nsecret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="'
  const at = (host: number, name: string) =>
    `\n[[dns.secondaries]]\naddress = "8.8.4.${host}:53"\nkey = "${name}"`
  const following = `${real}[dns]\nlisten = ["8.8.4.4:53"]\nallow_transfer = ["key:k1."]${key}`
  assert.deepEqual(warningsOf(following + at(5, 'k1.')), [])
  assert.match(
    warningsOf(following + at(5, 'k1.') + at(6, 'K1')).join('\n'),
    /^dns\.secondaries: several have the key "k1"/,
  )
  assert.deepEqual(warningsOf(port53.replace('[tunnel]', '[tunnel]\nkinds = ["sit"]')), [])
})

test('a line that seems to be lost is a warning: listeners for secondaries elsewhere, the URL behind a proxy', () => {
  const linesOf = (text: string) => {
    const reading = parseConfig(
      `${text}\n[tunnel]\nprefix = "2a00:1::/48"\nserver_ipv4 = "8.8.4.4"`,
      '/srv/freenet6.toml',
    )
    return reading.kind === 'config' ? reading.warnings.join('\n') : assert.fail(JSON.stringify(reading))
  }
  const secondary = (address: string) =>
    `allow_transfer = ["${address}"]\nsecondaries = [{ address = "${address}:53" }]`
  assert.match(linesOf(`[dns]\n${secondary('192.0.2.9')}`), /^dns\.listen: has addresses of loopback alone/)
  assert.equal(linesOf(`[dns]\n${secondary('127.0.0.2')}`), '')
  assert.equal(linesOf(`[dns]\nlisten = ["127.0.0.1:53", "8.8.4.4:53"]\n${secondary('192.0.2.9')}`), '')
  const proxy = '[web]\ntrusted_proxies = ["127.0.0.1"]\n'
  assert.match(
    linesOf(proxy),
    /^web\.trusted_proxies: visitors come by a proxy, and web\.public_url does not say/,
  )
  assert.equal(linesOf(`${proxy}public_url = "https://broker.example.net"`), '')
})

test('what listens beside another, and a catalog zone with a name of its own, are no mistakes', () => {
  const listening = (dns: string, web: string) => `[dns]\nlisten = [${dns}]\n[web]\nlisten = "${web}"`
  for (const text of [
    listening('"0.0.0.0:53", "[::]:53"', '0.0.0.0:80'),
    listening('"[::]:53", "127.0.0.1:53"', '[::1]:80'),
    listening('"127.0.0.1:53", "127.0.0.2:53"', '[::]:53'),
    listening('"0.0.0.0:0", "127.0.0.1:0"', '0.0.0.0:0'),
    '[dns]\ncatalog_zone = "catalog.freenet6.net"',
    '[dns]\ncatalog_zone = "aa.freenet6.net"', // no country's
    '[dns]\ncatalog_zone = "list.ip6.arpa"',
  ])
    assert.deepEqual(mistakesOf(text), [], text)
})

test('a laboratory may use any prefix and address', () => {
  const lab = '[tunnel]\nallow_special_purpose = true\nprefix = "fd00::/48"\nserver_ipv4 = "10.0.0.1"'
  assert.equal(configOf(lab).tunnel.server_ipv4, '10.0.0.1')
})

test('what differs between two files is named by keys as they stand there, never by parts of a value', () => {
  const before = configOf('')
  const after = configOf(`
    [dns.rate_limit]
    slip = 3
    [dns.tls]
    listen = ["127.0.0.1:853"]
    certificate = "c"
    key = "k"
    [web]
    listen = "127.0.0.1:8081"
    trusted_proxies = ["192.0.2.1"]
    [tunnel]
    prefix = "2001:db8:f6::/52"
    routed_prefix = "2001:db8:8000::/34"
    [tunnel.wireguard]
    mtu = 1400`)
  const keys = [
    'dns.tls.certificate',
    'dns.tls.key',
    'dns.tls.listen',
    'dns.rate_limit.slip',
    'web.listen',
    'web.trusted_proxies',
    'tunnel.prefix',
    'tunnel.routed_prefix',
    'tunnel.wireguard.mtu',
  ]
  assert.deepEqual(changedKeys(before, after).sort(), keys.sort())
  const taken = withKey(before, 'web.listen', after)
  assert.deepEqual(changedKeys(taken, after).includes('web.listen'), false)
  assert.deepEqual(changedKeys(before, taken), ['web.listen'])
})
