import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chooseProber } from '../../src/echo/choose-prober.ts'
import { FpingProber } from '../../src/echo/fping-prober.ts'
import { PingProber } from '../../src/echo/ping-prober.ts'
import type { Prober } from '../../src/echo/prober.ts'
import { type Command, missingPackages } from '../packages.ts'

const PROBERS: readonly {
  readonly kind: Prober['kind']
  readonly needs: readonly Command[]
  readonly make: (command?: string) => Prober
}[] = [
  {
    kind: 'ping',
    needs: ['ping', 'ping6'],
    make: command => new PingProber(command === undefined ? {} : { command }),
  },
  {
    kind: 'fping',
    needs: ['fping'],
    make: command => new FpingProber(command === undefined ? {} : { command }),
  },
]

/**
 * Addresses for documentation (RFC 3849, RFC 5737) on a link where no host is: a veth pair in a namespace of our own,
 * so that no echo leaves the machine.
 */
const SILENT_IPV6 = '2001:db8:ffff::1'
const SILENT_IPV4 = '192.0.2.77'
/** A link-local address without its link can't be sent to. */
const UNSENDABLE = 'fe80::1'
const TIMEOUT_MS = 500

const CASES: readonly {
  readonly name: string
  readonly targets: readonly string[]
  readonly answered: readonly string[]
}[] = [
  { name: 'an IPv4 and an IPv6 host answer', targets: ['127.0.0.1', '::1'], answered: ['127.0.0.1', '::1'] },
  { name: 'nobody is asked where there are no targets', targets: [], answered: [] },
  { name: 'an address without a host is silent', targets: [SILENT_IPV6, SILENT_IPV4], answered: [] },
  { name: 'an address that can not be sent to is silent', targets: [UNSENDABLE, '::1'], answered: ['::1'] },
  {
    name: 'the answers of some are told from the silence of others',
    targets: [SILENT_IPV4, '127.0.0.1', SILENT_IPV6, '127.0.0.2'],
    answered: ['127.0.0.1', '127.0.0.2'],
  },
  { name: 'a target named twice is one', targets: ['::1', '::1', '::1'], answered: ['::1'] },
  {
    name: 'what is no address is never handed to the tool',
    targets: ['localhost', '-f', '', '127.0.0.1\n127.0.0.2', '127.0.0.1'],
    answered: ['127.0.0.1'],
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

const NAMESPACE = `fn6-prober-${process.pid}`
/** Making a namespace takes root. */
const canMakeNamespace = process.getuid?.() === 0 && (await missingPackages(['ip'])) === undefined

let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'prober-'))
  if (!canMakeNamespace) return
  makeQuietLink()
  for (const { kind } of PROBERS) tool(`quiet-${kind}`, `exec ip netns exec ${NAMESPACE} ${kind} "$@"`)
})
after(() => {
  if (canMakeNamespace) ip('netns', 'delete', NAMESPACE)
  rmSync(dir, { recursive: true, force: true })
})

function makeQuietLink(): void {
  ip('netns', 'add', NAMESPACE)
  const inside = (...words: string[]) => ip('-n', NAMESPACE, ...words)
  inside('link', 'set', 'lo', 'up')
  inside('link', 'add', 'quiet0', 'type', 'veth', 'peer', 'name', 'quiet1')
  for (const device of ['quiet0', 'quiet1']) inside('link', 'set', device, 'up')
  inside('address', 'add', '192.0.2.1/24', 'dev', 'quiet0')
  inside('address', 'add', '2001:db8:ffff::ff/64', 'dev', 'quiet0', 'nodad')
}

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: 'inherit' })
}

/** The real tool, inside the namespace where that can be made; written by `before`, as tests run side by side. */
function realTool(kind: Prober['kind']): string | undefined {
  return canMakeNamespace ? join(dir, `quiet-${kind}`) : undefined
}

/** Says why a test can't be run, where it can't: with CI=true that is a failure. */
function silenceIsMissing(): string | undefined {
  if (canMakeNamespace) return undefined
  if (process.env.CI === 'true') throw new Error('a namespace of our own takes root')
  return 'a namespace of our own takes root: run the tests as root'
}

function tool(name: string, script: string): string {
  const path = join(dir, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some(entries => entries?.some(({ address }) => address === '::1'))
}

async function isGone(pid: number): Promise<boolean> {
  for (let look = 0; look < 100; look++) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await sleep(20)
  }
  return false
}

for (const { kind, needs, make } of PROBERS) {
  const missing = await missingPackages(needs)
  describe(`the ${kind} prober`, {
    concurrency: 4,
    ...(missing === undefined ? {} : { skip: missing }),
  }, () => {
    for (const { name, targets, answered } of CASES) {
      test(name, { timeout: 20_000 }, async t => {
        if (targets.includes('::1') && !hasIpv6Loopback()) return t.skip('this machine has no ::1')
        const missing = targets.includes(SILENT_IPV6) ? silenceIsMissing() : undefined
        if (missing !== undefined) return t.skip(missing)
        const found = await make(realTool(kind)).probe(targets, { timeoutMs: TIMEOUT_MS })
        assert.deepEqual([...found].sort(), [...answered].sort())
      })
    }

    test('an abort ends the wait and tells what is known', { timeout: 20_000 }, async t => {
      const missing = silenceIsMissing()
      if (missing !== undefined) return t.skip(missing)
      const signal = AbortSignal.timeout(700)
      const found = await make(realTool(kind)).probe(['127.0.0.1', SILENT_IPV6], {
        timeoutMs: 60_000,
        signal,
      })
      assert.deepEqual([...found], ['127.0.0.1'])
    })

    test('an abort that came before asks nobody', async () => {
      const found = await make(join(dir, 'none')).probe(['127.0.0.1'], {
        timeoutMs: TIMEOUT_MS,
        signal: AbortSignal.abort(),
      })
      assert.equal(found.size, 0)
    })

    test('a tool that is not there is a fault and not silence', async () => {
      await assert.rejects(make(join(dir, 'none')).probe(['127.0.0.1', '::1'], { timeoutMs: TIMEOUT_MS }), {
        code: 'prober-unstartable',
      })
    })

    test('a tool that may not be run is a fault and not silence', async () => {
      const path = tool(`${kind}-forbidden`, '')
      chmodSync(path, 0o644)
      await assert.rejects(make(path).probe(['127.0.0.1'], { timeoutMs: TIMEOUT_MS }), {
        code: 'prober-unstartable',
      })
    })

    for (const [index, { name, script }] of BROKEN_TOOLS.entries()) {
      test(`a tool that ${name} is a fault and not silence`, { timeout: 20_000 }, async () => {
        const prober = make(tool(`${kind}-broken-${index}`, script))
        await assert.rejects(prober.probe(['127.0.0.1', '::1'], { timeoutMs: TIMEOUT_MS }), {
          code: 'prober-broken',
        })
      })
    }

    test('an abort leaves no child and no child of a child', { timeout: 20_000 }, async () => {
      const pids = join(dir, `${kind}-pids`)
      const path = tool(`${kind}-family`, `sleep 600 & echo $! $$ > ${pids}; wait`)
      const abort = new AbortController()
      const probing = make(path).probe(['127.0.0.1'], { timeoutMs: 60_000, signal: abort.signal })
      await sleep(300)
      abort.abort()
      await probing
      for (const pid of readFileSync(pids, 'utf8').trim().split(' ')) assert.ok(await isGone(Number(pid)))
    })
  })
}

test('fping asks a thousand in one child', { timeout: 60_000 }, async t => {
  const missing = await missingPackages(['fping'])
  if (missing !== undefined) return t.skip(missing)
  const calls = join(dir, 'calls')
  const path = tool('counted-fping', `echo called >> ${calls}; exec fping "$@"`)
  const targets = Array.from({ length: 1000 }, (_, i) => `127.1.${i >> 8}.${i & 255 || 1}`)
  const found = await new FpingProber({ command: path }).probe(targets, { timeoutMs: 1000 })
  assert.equal(found.size, new Set(targets).size)
  assert.equal(readFileSync(calls, 'utf8'), 'called\n')
})

test('ping has at most 64 children at the same time', { timeout: 60_000 }, async () => {
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

test('one ping that makes no sense counts as silent beside others that do', async t => {
  const missing = await missingPackages(['ping'])
  if (missing !== undefined) return t.skip(missing)
  const path = tool('moody-ping', 'case "$*" in *127.0.0.9) echo huh ;; *) exec ping "$@" ;; esac')
  const found = await new PingProber({ command: path }).probe(['127.0.0.9', '127.0.0.1'], { timeoutMs: 2000 })
  assert.deepEqual([...found], ['127.0.0.1'])
})

test('the configuration chooses the prober, and auto prefers fping', async t => {
  assert.equal((await chooseProber('ping')).kind, 'ping')
  assert.equal((await chooseProber('fping')).kind, 'fping')
  const missing = await missingPackages(['fping'])
  if (missing !== undefined) return t.skip(missing)
  assert.equal((await chooseProber('auto')).kind, 'fping')
})

test('auto falls back to ping where fping is not installed', async t => {
  const path = process.env.PATH
  t.after(() => {
    process.env.PATH = path
  })
  process.env.PATH = dir
  assert.equal((await chooseProber('auto')).kind, 'ping')
})
