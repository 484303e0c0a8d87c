/**
 * docs/operations.md followed word for word, from nothing to a delegated service with Knot DNS and BIND as secondaries,
 * a backup, an upgrade and a restore, in namespaces of its own: see operations-followed.sh.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const TEXT = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8')
const EXAMPLE = readFileSync(join(ROOT, 'deploy', 'freenet6.example.toml'), 'utf8')
const ZONE = readFileSync(join(ROOT, 'zones', 'freenet6.net.zone'), 'utf8')
const REVERSE = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const DEADLINE_MS = 300_000
const OWN_MACHINE = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
/** What the machine that tests run on may have of its own. */
const ENVIRONMENT = ['clock-free', 'disk-low']

/** The blocks of a language in the section whose heading begins so. */
function blocks(heading: string, language: string): readonly string[] {
  const [, section = ''] = TEXT.split(new RegExp(`^## ${heading}.*$`, 'm'))
  const [own = ''] = section.split(/^## /m)
  return [...own.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  )
}

function only(found: readonly string[]): string {
  assert.equal(found.length, 1)
  return found[0] ?? ''
}

/** The text with other values for keys, as one changes them in an editor; `dns.listen` is the first `listen` in [dns]. */
function edited(text: string, values: Readonly<Record<string, string>>): string {
  let table = ''
  const left = new Map(Object.entries(values))
  const lines = text.split('\n').map(line => {
    table = /^\[([a-z_.]+)\]$/.exec(line)?.[1] ?? table
    const [, key = ''] = /^([a-z_0-9]+) = /.exec(line) ?? []
    const path = table === '' ? key : `${table}.${key}`
    const value = left.get(path)
    if (value === undefined) return line
    left.delete(path)
    return `${key} = ${value}`
  })
  assert.deepEqual([...left.keys()], [])
  return lines.join('\n')
}

/** What step 3 says to set, with the addresses of the page; nothing here touches a kernel. */
const CONFIGURED = edited(EXAMPLE, {
  origin: '"freenet6.net"',
  data_dir: '"/var/lib/freenet6"',
  zones_dir: '"/etc/freenet6/zones"',
  'dns.listen': '["0.0.0.0:53", "[::]:53"]',
  'dns.rate_limit.responses_per_second': '0',
  'web.public_url': '"https://broker.example.net"',
  'tunnel.prefix': '"2001:db8:f6::/48"',
  'tunnel.server_ipv4': '"192.0.2.1"',
  'tunnel.allow_special_purpose': 'true',
  'tunnel.reachability': '"off"',
  'tunnel.driver': '"dry-run"',
})

/** The page speaks of one secondary, ns2.example.net; the second is set up by the same words. */
function ofSecond(text: string): string {
  return text
    .replaceAll('ns2.example.net', 'ns3.example.net')
    .replaceAll('198.51.100.53', '203.0.113.53')
    .replaceAll('c2VjcmV0', 'b3RoZXIu')
}

/** The configuration with the page's keys and secondaries at its end. */
function withSecondaries(): string {
  const block = only(blocks('Secondaries', 'toml'))
  const [dns = '', ...tables] = block.split(/^(?=\[\[)/m)
  const [, notifySource = ''] = /^notify_source = (".*?")/m.exec(dns) ?? []
  const changed = edited(CONFIGURED, {
    'dns.allow_transfer': '["key:ns2.example.net", "key:ns3.example.net"]',
    'dns.notify_source': notifySource,
  })
  return `${changed}\n${tables.join('')}\n${ofSecond(tables.join(''))}`
}

function knotConfig(work: string): string {
  return `server:
  listen: [ 198.51.100.53@53, "2001:db8:2::53@53" ]
  rundir: "${work}/knot"
database:
  storage: "${work}/knot"
log:
  - target: stderr
    any: info
${only(blocks('Secondaries', 'yaml'))}`
}

function namedConfig(work: string): string {
  const own = `directory "${work}/named"; pid-file none; session-keyfile "${work}/named/session.key";
  listen-on { 203.0.113.53; }; listen-on-v6 { 2001:db8:3::53; };`
  return `controls { };\n${ofSecond(only(blocks('Secondaries', 'named'))).replace('options {', `options { ${own}`)}`
}

const ADDRESSES = {
  ns1: ['192.0.2.1', '2001:db8:1::53'],
  ns2: ['198.51.100.53', '2001:db8:2::53'],
  ns3: ['203.0.113.53', '2001:db8:3::53'],
} as const

function rootZone(): string {
  const servers = Object.keys(ADDRESSES).map(name => `${name}.freenet6.net.`)
  return [
    '$TTL 60',
    '. SOA a.root. h.root. 1 3600 600 86400 15',
    '. NS a.root.',
    'a.root. A 192.0.2.100',
    ...['freenet6.net.', `${REVERSE}.`].flatMap(zone => servers.map(server => `${zone} NS ${server}`)),
    ...Object.entries(ADDRESSES).flatMap(([name, [ipv4, ipv6]]) => [
      `${name}.freenet6.net. A ${ipv4}`,
      `${name}.freenet6.net. AAAA ${ipv6}`,
    ]),
    '',
  ].join('\n')
}

function rootConfig(work: string): string {
  return `server:
  ip-address: 192.0.2.100
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${work}"
  xfrdfile: ""
  zonelistfile: "${work}/root.list"
  xfrdir: "${work}"
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
`
}

/** What the script reads. */
function prepare(work: string): void {
  const files = {
    ...Object.fromEntries(
      ['2', '3', '8', '9', '10'].map(n => [`step-${n}.sh`, only(blocks(`${n}\\.`, 'sh'))]),
    ),
    'freenet6.toml': CONFIGURED,
    'freenet6-secondaries.toml': withSecondaries(),
    'freenet6.net.zone': `${ZONE}\n@ NS ns3\nns3 A 203.0.113.53\nns3 AAAA 2001:db8:3::53\n`,
    'knot.conf': knotConfig(work),
    'named.conf': namedConfig(work),
    'root.conf': rootConfig(work),
    'root.zone': rootZone(),
    reverse: `2.${'0.'.repeat(19)}${REVERSE}`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text)
}

test('the page leads from nothing to a delegated service with two secondaries, and through its upgrade and restore', async t => {
  if (process.getuid?.() !== 0) return t.skip(cannot('a machine of its own takes root'))
  if (!(await requirePackages(t, ['dig', 'ip', 'knotd', 'named', 'nsd', 'setpriv', 'sysctl']))) return
  if (spawnSync('unshare', [...OWN_MACHINE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0)
    return t.skip(cannot('there are no namespaces here'))
  const work = mkdtempSync(join(tmpdir(), 'freenet6-operations-'))
  try {
    prepare(work)
    const script = join(import.meta.dirname, 'operations-followed.sh')
    const { status, stdout, stderr } = spawnSync('unshare', [...OWN_MACHINE, 'bash', script, ROOT, work], {
      encoding: 'utf8',
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    })
    assert.equal(status, 0, `${stdout}\n${stderr}`)
    assert.match(stdout, /^followed$/m)
    const [, report = ''] = /^doctor (.*)$/m.exec(stdout) ?? []
    const { findings } = JSON.parse(report) as { findings: { code: string; what: string }[] }
    assert.deepEqual(
      findings.filter(({ code }) => !ENVIRONMENT.includes(code)),
      [],
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})
