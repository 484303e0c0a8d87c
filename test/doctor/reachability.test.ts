import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, suite, test } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { filterFindings, readRuleset, unknownReach } from '../../src/doctor/reachability.ts'
import { sourceFilterRules } from '../../src/kernel/source-filter.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'

const FIREWALL = readFileSync(join(import.meta.dirname, '..', '..', 'deploy', 'freenet6.nft'), 'utf8')
const SIT = 'protocol 41'
const WIREGUARD = 'UDP port 51820'
const IPTABLES = 'iptables-nft'

function configOf(tunnel = '') {
  const reading = parseConfig(`[tunnel]\nallow_special_purpose = true\n${tunnel}\n`, '/freenet6.toml')
  assert.equal(reading.kind, 'config')
  return reading.config
}

/** What the rules drop, of a machine that has no others. */
async function dropped(rules: string, config = configOf()): Promise<string[]> {
  const { status, stderr } = spawnSync('nft', ['-f', '-'], {
    input: `flush ruleset\n${rules}`,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return filterFindings(config, await readRuleset()).map(({ what }) =>
    what.replace(/^our own packet filter drops (.*) from whoever.*$/, '$1'),
  )
}

function input(rules: string, policy = 'drop'): string {
  return `table inet filter {
  set friends { type ipv4_addr; elements = { 198.51.100.1 } }
  chain other { ${policy === 'other' ? `${rules};` : ''} }
  chain input { type filter hook input priority filter; policy ${policy === 'other' ? 'drop' : policy};
${policy === 'other' ? 'jump other' : rules}
  }
}`
}

suite('our own packet filter', { skip: (await missingPackages(['nft', 'ip'])) ?? false }, () => {
  let missing: string | undefined
  before(async () => {
    missing = await enterOwnNetwork()
  })

  const worlds: Readonly<Record<string, readonly [rules: string, ...found: string[]]>> = {
    'without rules': [''],
    'with the sample firewall and the tables of the program': [FIREWALL.concat(sourceFilterRules('fn6-'))],
    'with a server’s usual rules': [
      input(
        'ct state invalid drop\niif lo accept\nct state established,related accept\ntcp dport {22, 53} accept',
      ),
      SIT,
      WIREGUARD,
    ],
    'with a rule for protocol 41': [input('meta l4proto 41 accept'), WIREGUARD],
    'with one for IPv4’s protocol in a set': [input('ip protocol { 41, 47 } accept'), WIREGUARD],
    'with one for the port': [input('udp dport { 53, 51820 } accept'), SIT],
    'with one for any protocol’s port': [input('meta l4proto { tcp, udp } th dport 51820 accept'), SIT],
    'with a rule that drops it before the policy lets it in': [input('ip protocol 41 drop', 'accept'), SIT],
    'with one that rejects it in a chain that is jumped to': [
      input('udp dport 51820 reject', 'other'),
      SIT,
      WIREGUARD,
    ],
    'with a chain that is jumped to and lets it in': [input('ip protocol 41 accept', 'other'), WIREGUARD],
    'with a rule for an interface alone, which may be the one': [input('iifname "eth0" accept')],
    'with a rule for some senders, who may be all there are': [input('ip saddr @friends accept')],
    'with a rule that drops some senders': [input('ip saddr @friends drop', 'accept')],
    'with a limit': [input('limit rate over 10/second drop', 'accept')],
    'with a map of verdicts': [input('ip protocol vmap { 41 : accept, udp : drop }')],
    'with rules for another address of ours': [input('ip daddr 192.0.2.77 accept'), SIT, WIREGUARD],
    'with rules for this address of ours': [input('ip daddr 192.0.2.1 accept')],
    'with rules for IPv6 alone': [input('meta nfproto ipv6 drop', 'accept')],
    'with a table of IPv6 alone': [
      'table ip6 t { chain i { type filter hook input priority 0; policy drop; }; }',
    ],
    'with a drop before the input': [
      'table ip t { chain p { type filter hook prerouting priority raw; ip protocol 41 counter drop; }; }',
      SIT,
    ],
    'with a policy for what is forwarded': [
      'table ip t { chain f { type filter hook forward priority 0; policy drop; }; }',
    ],
  }
  for (const [name, [rules, ...found]] of Object.entries(worlds))
    test(`${name}: ${found.length === 0 ? 'nothing is found' : found.join(' and ')}`, async t => {
      if (missing !== undefined) return t.skip(missing)
      assert.deepEqual(await dropped(rules), found)
    })

  test('iptables’ rules that nft can not read are not judged', async t => {
    if (missing !== undefined) return t.skip(missing)
    if ((await missingPackages(['ip6tables'])) !== undefined) return
    assert.deepEqual(await dropped(''), [])
    const iptables = (...words: string[]) => spawnSync(IPTABLES, words, { encoding: 'utf8' }).status
    assert.equal(iptables('-P', 'INPUT', 'DROP'), 0)
    assert.equal(iptables('-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT'), 0)
    assert.deepEqual(filterFindings(configOf(), await readRuleset()), [])
  })

  test('what is not offered, and a dry run, need nothing', async t => {
    if (missing !== undefined) return t.skip(missing)
    assert.deepEqual(await dropped(input(''), configOf('kinds = ["sit"]')), [SIT])
    assert.deepEqual(await dropped(input(''), configOf('driver = "dry-run"')), [])
  })

  test('the mend of a finding mends it', async t => {
    if (missing !== undefined) return t.skip(missing)
    await dropped(input(''))
    for (const { mend } of filterFindings(configOf(), await readRuleset())) {
      const [, rule = ''] = /: (.*);/.exec(mend) ?? []
      const { stderr } = spawnSync('nft', ['insert', 'rule', 'inet', 'filter', 'input', ...rule.split(' ')])
      assert.equal(String(stderr), '')
    }
    assert.deepEqual(filterFindings(configOf(), await readRuleset()), [])
  })
})

test('what can not be known from here is said with a way to find out, unless a tunnel shows it', () => {
  const codes = (heard: readonly string[], config = configOf()) =>
    unknownReach(config, new Set(heard)).map(({ code }) => code)
  assert.deepEqual(codes([]), ['sit-unknown', 'wireguard-unknown'])
  assert.deepEqual(codes(['sit']), ['wireguard-unknown'])
  assert.deepEqual(codes(['sit', 'wireguard']), [])
  assert.deepEqual(codes([], configOf('driver = "dry-run"')), [])
  const [sit] = unknownReach(configOf(), new Set())
  assert.match(sit?.try ?? '', /tcpdump.*ip proto 41.*python3 -c '.*"192\.0\.2\.1"/)
})
