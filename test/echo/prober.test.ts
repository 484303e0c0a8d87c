import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { chooseProber } from '../../src/echo/choose-prober.ts'
import { FpingProber } from '../../src/echo/fping-prober.ts'
import { PingProber } from '../../src/echo/ping-prober.ts'
import { type Prober, type Verdict, type Verdicts, verdictOf } from '../../src/echo/prober.ts'
import { isRunning } from '../lab/processes-seen.ts'
import { enterOwnNetwork } from '../own-network.ts'
import { type Command, missingPackages } from '../packages.ts'
import { until } from '../until.ts'

/** Where the real tools are; another command takes a tool's place in the tests of broken ones. */
const TOOLS: readonly {
  readonly kind: 'ping' | 'fping'
  readonly needs: readonly Command[]
  readonly make: (command: string) => Prober
}[] = [
  { kind: 'ping', needs: ['ping', 'ping6'], make: command => new PingProber({ command }) },
  { kind: 'fping', needs: ['fping'], make: command => new FpingProber({ command }) },
]
const KINDS = ['icmp', 'fping', 'ping'] as const

/** Addresses for documentation (RFC 3849, RFC 5737) on a link where no host is, in a network of our own. */
const SILENT_IPV6 = '2001:db8:ffff::1'
const SILENT_IPV4 = '192.0.2.77'
const ROUTED_NOWHERE = '198.51.100.1'
const BLACKHOLE = '2001:db8:b::1'
const UNREACHABLE_ROUTE = '2001:db8:c::1'
const FIREWALLED = '127.0.0.66'

const TIMEOUT_MS = 500

const CASES: readonly {
  readonly name: string
  readonly targets: readonly string[]
  readonly expected: readonly Verdict['kind'][]
  /** Why a tool can't know. */
  readonly except?: { readonly kind: Prober['kind']; readonly because: string }
}[] = [
  {
    name: 'an IPv4 and an IPv6 host answer',
    targets: ['127.0.0.1', '::1'],
    expected: ['answered', 'answered'],
  },
  { name: 'nobody is asked where there are no targets', targets: [], expected: [] },
  {
    name: 'an address without a host is silent',
    targets: [SILENT_IPV6, SILENT_IPV4],
    expected: ['silent', 'silent'],
  },
  {
    name: 'the answers of some are told from the silence of others',
    targets: [SILENT_IPV4, '127.0.0.1', SILENT_IPV6, '127.0.0.2'],
    expected: ['silent', 'answered', 'silent', 'answered'],
  },
  {
    name: 'a target without a route is unknown',
    targets: [ROUTED_NOWHERE, '::1', '2001:db8:a::1'],
    expected: ['unknown', 'answered', 'unknown'],
  },
  {
    name: 'a target behind a blackhole or an unreachable route of ours is unknown',
    targets: [BLACKHOLE, '127.0.0.1', UNREACHABLE_ROUTE],
    expected: ['unknown', 'answered', 'unknown'],
  },
  {
    name: 'a target that our own firewall keeps from us is unknown',
    targets: [FIREWALLED, '127.0.0.1'],
    expected: ['unknown', 'answered'],
    except: { kind: 'ping', because: 'ping does not say that the system refused to send' },
  },
  { name: 'a target named twice is one', targets: ['::1', '::1', '::1'], expected: ['answered'] },
  {
    name: 'what is no address is asked of nobody',
    targets: ['localhost', '-f', '', '127.0.0.1\n127.0.0.2', '127.0.0.1'],
    expected: ['unknown', 'unknown', 'unknown', 'unknown', 'answered'],
  },
]

const BROKEN_TOOLS: readonly { readonly name: string; readonly script: string }[] = [
  { name: 'prints one word', script: 'echo huh' },
  { name: 'prints one word and says that somebody was silent', script: 'echo huh; exit 1' },
  { name: 'prints two words', script: 'echo huh what' },
  { name: 'prints nothing and is content', script: 'exit 0' },
  { name: 'prints bytes of no meaning', script: 'head -c 2000 /dev/urandom' },
  { name: 'never stops printing', script: 'exec yes' },
  { name: 'lacks a right', script: 'echo "socket: Operation not permitted" >&2; exit 4' },
  { name: 'kills itself', script: 'kill -9 $$' },
  { name: 'hangs for ever', script: 'trap "" TERM INT; while :; do sleep 60; done' },
]

/** Everything below runs in a network of its own, and so do the tools that it starts. */
const noNetwork = (await missingPackages(['nft'])) ?? (await enterOwnNetwork())
const missing = noNetwork ?? (await missingPackages(['ping', 'ping6', 'fping']))
if (noNetwork === undefined) makeQuietLink()

let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'prober-'))
})
after(() => rmSync(dir, { recursive: true, force: true }))

function makeQuietLink(): void {
  run('ip link add quiet0 arp off type veth peer name quiet1')
  for (const device of ['quiet0', 'quiet1']) run(`ip link set ${device} up arp off`)
  run('ip address add 192.0.2.1/24 dev quiet0')
  run('ip address add 2001:db8:ffff::ff/64 dev quiet0 nodad')
  run('ip -6 route add blackhole 2001:db8:b::/48')
  run('ip -6 route add unreachable 2001:db8:c::/48')
  run('nft add table inet prober')
  run('nft add chain inet prober out { type filter hook output priority 0 ; }')
  run(`nft add rule inet prober out ip daddr ${FIREWALLED} drop`)
}

function run(line: string): void {
  const [command = '', ...words] = line.split(' ')
  execFileSync(command, words, { stdio: 'inherit' })
}

function kindsOf(verdicts: Verdicts, targets: readonly string[]): Verdict['kind'][] {
  return targets.map(target => verdictOf(verdicts, target).kind)
}

function tool(name: string, script: string): string {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const SKIP = missing === undefined ? {} : { skip: missing }

for (const kind of KINDS) {
  describe(`the ${kind} prober`, { concurrency: 4, ...SKIP }, () => {
    for (const { name, targets, expected, except } of CASES) {
      const skip = except?.kind === kind ? { skip: except.because } : {}
      test(name, { timeout: 120_000, ...skip }, async () => {
        const prober = await chooseProber(kind)
        const verdicts = await prober.probe(targets, { timeoutMs: TIMEOUT_MS })
        assert.deepEqual(kindsOf(verdicts, [...new Set(targets)]), expected)
      })
    }

    test('an answer has its round-trip time', { timeout: 120_000 }, async () => {
      const verdicts = await (await chooseProber(kind)).probe(['127.0.0.1'], { timeoutMs: TIMEOUT_MS })
      const verdict = verdictOf(verdicts, '127.0.0.1')
      assert.ok(verdict.kind === 'answered' && verdict.rttMs >= 0 && verdict.rttMs <= TIMEOUT_MS)
    })

    test('an abort ends the wait: who has not answered is unknown', { timeout: 120_000 }, async () => {
      const targets = ['127.0.0.1', SILENT_IPV6]
      const signal = AbortSignal.timeout(700)
      const verdicts = await (await chooseProber(kind)).probe(targets, { timeoutMs: 60_000, signal })
      assert.deepEqual(kindsOf(verdicts, targets), ['answered', 'unknown'])
    })

    test('an abort that came before asks nobody', async () => {
      const prober = await chooseProber(kind)
      const verdicts = await prober.probe(['127.0.0.1'], { timeoutMs: 60_000, signal: AbortSignal.abort() })
      assert.deepEqual(kindsOf(verdicts, ['127.0.0.1']), ['unknown'])
    })
  })
}

for (const { kind, needs, make } of TOOLS) {
  const missingTool = await missingPackages(needs)
  const targets = ['127.0.0.1', '::1']
  describe(`the ${kind} prober and its tool`, {
    concurrency: 4,
    ...(missingTool === undefined ? {} : { skip: missingTool }),
  }, () => {
    test('a tool that is not there leaves all unknown', async () => {
      const verdicts = await make(join(dir, 'none')).probe(targets, { timeoutMs: TIMEOUT_MS })
      assert.deepEqual(kindsOf(verdicts, targets), ['unknown', 'unknown'])
    })

    test('a tool that may not be run leaves all unknown', async () => {
      const path = tool(`${kind}-forbidden`, '')
      chmodSync(path, 0o644)
      const verdicts = await make(path).probe(targets, { timeoutMs: TIMEOUT_MS })
      assert.deepEqual(kindsOf(verdicts, targets), ['unknown', 'unknown'])
    })

    for (const [index, { name, script }] of BROKEN_TOOLS.entries()) {
      test(`a tool that ${name} leaves all unknown`, { timeout: 120_000 }, async () => {
        const prober = make(tool(`${kind}-broken-${index}`, script))
        const verdicts = await prober.probe(targets, { timeoutMs: TIMEOUT_MS })
        assert.deepEqual(kindsOf(verdicts, targets), ['unknown', 'unknown'])
      })
    }

    test('an abort leaves no child and no child of a child', { timeout: 120_000 }, async () => {
      const pids = join(dir, `${kind}-pids`)
      const path = tool(`${kind}-family`, `sleep 600 & echo $! $$ > ${pids}; wait`)
      const abort = new AbortController()
      const probing = make(path).probe(['127.0.0.1'], { timeoutMs: 60_000, signal: abort.signal })
      const family = () => (existsSync(pids) ? (readFileSync(pids, 'utf8').match(/\d+(?=\s)/g) ?? []) : [])
      await until(() => family().length === 2, 'the tool did not start')
      abort.abort()
      await probing
      for (const pid of family()) await until(() => !isRunning(Number(pid)), `${pid} lives on`)
    })
  })
}

test('one target named of forty, and status 1: nothing is known of the other 39', async () => {
  const targets = Array.from({ length: 40 }, (_, i) => `127.3.0.${i + 1}`)
  const path = tool('partial-fping', 'echo "127.3.0.1 is unreachable"; exit 1')
  const verdicts = await new FpingProber({ command: path }).probe(targets, { timeoutMs: TIMEOUT_MS })
  assert.deepEqual(kindsOf(verdicts, targets), ['silent', ...Array(39).fill('unknown')])
})

test('more targets than an fping has sequence numbers are asked by several', {
  timeout: 120_000,
}, async () => {
  const calls = join(dir, 'slices')
  const path = tool('slices-fping', `wc -l >> ${calls}`)
  const targets = Array.from(
    { length: 100_000 },
    (_, i) => `2001:db8::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}`,
  )
  await new FpingProber({ command: path }).probe(targets, { timeoutMs: 100 })
  assert.deepEqual(readFileSync(calls, 'utf8').trim().split('\n').map(Number), [60_000, 40_000])
})

test('fping asks a thousand in one child', { timeout: 120_000 }, async t => {
  const missing = await missingPackages(['fping'])
  if (missing !== undefined) return t.skip(missing)
  const calls = join(dir, 'calls')
  const path = tool('counted-fping', `echo called >> ${calls}; exec fping "$@"`)
  const targets = Array.from({ length: 1000 }, (_, i) => `127.1.${i >> 8}.${i & 255 || 1}`)
  const verdicts = await new FpingProber({ command: path }).probe(targets, { timeoutMs: 1000 })
  assert.ok(targets.every(target => verdictOf(verdicts, target).kind === 'answered'))
  assert.equal(readFileSync(calls, 'utf8'), 'called\n')
})

test('ping has at most 64 children at the same time', { timeout: 120_000 }, async () => {
  const events = join(dir, 'events')
  const path = tool('slow-ping', `echo + >> ${events}; sleep 0.3; echo - >> ${events}; echo PING x y; exit 1`)
  const targets = Array.from({ length: 100 }, (_, i) => `127.2.0.${i}`)
  await new PingProber({ command: path }).probe(targets, { timeoutMs: 20_000 })
  let running = 0
  let most = 0
  for (const event of readFileSync(events, 'utf8').trim().split('\n')) {
    running += event === '+' ? 1 : -1
    most = Math.max(most, running)
  }
  assert.ok(most > 1 && most <= 64, `${most} at the same time`)
})

test('one ping that makes no sense is unknown beside others that do', async t => {
  const missing = await missingPackages(['ping'])
  if (missing !== undefined) return t.skip(missing)
  const path = tool('moody-ping', 'case "$*" in *127.0.0.9) echo huh ;; *) exec ping "$@" ;; esac')
  const targets = ['127.0.0.9', '127.0.0.1']
  const verdicts = await new PingProber({ command: path }).probe(targets, { timeoutMs: 2000 })
  assert.deepEqual(kindsOf(verdicts, targets), ['unknown', 'answered'])
})

test('the configuration chooses the prober, and auto takes icmp where the right is there', SKIP, async () => {
  for (const kind of KINDS) assert.equal((await chooseProber(kind)).kind, kind)
  assert.equal((await chooseProber('auto')).kind, 'icmp')
})
