import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { installSourceFilter, SourceFilter, sourceFilterRules } from '../../src/kernel/source-filter.ts'
import { cannot, missingPackages } from '../packages.ts'

function tool(t: TestContext, script: string): { readonly command: string; readonly input: string } {
  const dir = mkdtempSync(join(tmpdir(), 'nft-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const command = join(dir, 'nft')
  writeFileSync(command, `#!/bin/sh\ncat > ${dir}/input\n${script}\n`)
  chmodSync(command, 0o755)
  return { command, input: join(dir, 'input') }
}

test('the rules go to nft in one piece', async t => {
  const { command, input } = tool(t, 'exit 0')
  assert.equal(await installSourceFilter({ devicePrefix: 'fn6-', command }), undefined)
  assert.equal(readFileSync(input, 'utf8'), sourceFilterRules('fn6-'))
})

test('a kernel without the rules is a fault in its own words', async t => {
  const { command } = tool(t, 'echo "Error: Could not process rule: Operation not supported" >&2; exit 1')
  assert.deepEqual(await installSourceFilter({ devicePrefix: 'fn6-', command }), {
    device: 'fn6-*',
    reason: 'no source filter, so no tunnels: Error: Could not process rule: Operation not supported',
  })
})

test('a machine without nft is a fault', async () => {
  const fault = await installSourceFilter({ devicePrefix: 'fn6-', command: '/nonexistent/nft' })
  assert.match(fault?.reason ?? '', /ENOENT/)
})

test('rules that are as we made them are left alone, and others are put in anew', async t => {
  const { command } = tool(t, 'if [ "$1" = list ]; then cat "$0.rules"; else echo >> "$0.loads"; fi')
  const loadsAfter = async (rules: string) => {
    writeFileSync(`${command}.rules`, rules)
    assert.equal(await filter.ensure(), undefined)
    return readFileSync(`${command}.loads`, 'utf8').length
  }
  const filter = new SourceFilter({ devicePrefix: 'fn6-', command })
  assert.equal(await loadsAfter('counter packets 0 bytes 0 drop'), 1)
  assert.equal(await loadsAfter('counter packets 7 bytes 700 drop'), 1, 'what was counted is no change')
  assert.equal(await loadsAfter(''), 2)
})

test('rules stand while nobody has changed nftables, though nft can’t be run; after a change nobody can tell', async t => {
  const { command } = tool(t, '[ ! -e "$0.broken" ] || exit 1; [ "$1" != list ] || echo rules')
  let generation = 1
  const filter = new SourceFilter({ devicePrefix: 'fn6-', command, readGeneration: async () => generation })
  assert.equal(await filter.ensure(), undefined)
  writeFileSync(`${command}.broken`, '')
  assert.equal(await filter.ensure(), undefined)
  generation++
  assert.match((await filter.ensure())?.reason ?? '', /no source filter/)
  assert.match((await filter.ensure())?.reason ?? '', /no source filter/)
  rmSync(`${command}.broken`)
  assert.equal(await filter.ensure(), undefined)
})

test('in a real kernel rules that a process before left stand though nft can load none; others do not', async t => {
  const missing = await missingPackages(['nft', 'ip'])
  if (missing !== undefined) return t.skip(missing)
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) return t.skip(cannot('network namespaces need root'))
  const space = `fn6f${process.pid}`
  execFileSync('ip', ['netns', 'add', space], { stdio: 'pipe' })
  t.after(() => spawnSync('ip', ['netns', 'del', space]))
  const { command } = tool(t, '')
  const nft = `exec ip netns exec ${space} nft`
  writeFileSync(command, `#!/bin/sh\n[ "$1" != -f ] || [ ! -e "$0.broken" ] || exit 1\n${nft} "$@"\n`)
  const change = (rules: string) => execFileSync('sh', ['-c', `${nft} '${rules}'`], { stdio: 'pipe' })
  const started = () => new SourceFilter({ devicePrefix: 'fn6-', command }).ensure()
  for (const harm of [
    'insert rule ip6 freenet6 source accept',
    'flush chain ip6 freenet6 source',
    'add table ip6 freenet6 { flags dormant; }',
    'delete table ip6 freenet6',
  ]) {
    rmSync(`${command}.broken`, { force: true })
    assert.equal(await started(), undefined)
    writeFileSync(`${command}.broken`, '')
    assert.equal(await started(), undefined)
    const other = await new SourceFilter({ devicePrefix: 'other-', command }).ensure()
    assert.match(other?.reason ?? '', /no source filter/)
    change(harm)
    assert.match((await started())?.reason ?? '', /no source filter/, harm)
  }
})

/** A router with two clients and a host beyond it, each in a network namespace of its own. */
class Network {
  readonly #name = `fn6t${process.pid}`

  build(): void {
    for (const node of ['router', 'alice', 'bob', 'host']) {
      execFileSync('ip', ['netns', 'add', this.#name + node], { stdio: 'pipe' })
      this.in(node, 'ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding')
    }
    this.#join('alice', 'fn6-1', '2001:db8:f6:1')
    this.#join('bob', 'fn6-2', '2001:db8:f6:2')
    this.#join('host', 'up0', '2001:db8:1')
  }

  /** Veth in place of sit: the rules look at names and routes alone. */
  #join(node: string, device: string, network: string): void {
    this.in('router', `ip link add ${device} type veth peer name e0 netns ${this.#name}${node}`)
    this.in('router', `ip link set ${device} up; ip address add ${network}::1/64 dev ${device} nodad`)
    this.in(node, `ip link set e0 up; ip address add ${network}::2/128 dev e0 nodad`)
    this.in(node, `ip route add ${network}::1 dev e0; ip -6 route add default via ${network}::1 dev e0`)
  }

  in(node: string, command: string): string {
    const args = ['netns', 'exec', this.#name + node, 'sh', '-ec', command]
    return execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' })
  }

  pings(node: string, target: string, ...options: readonly string[]): boolean {
    const args = ['netns', 'exec', this.#name + node, 'ping', '-n', '-c1', '-W1', ...options, target]
    return spawnSync('ip', args, { stdio: 'pipe' }).status === 0
  }

  /** Pings until a reply comes: each link takes a moment after it was set up. */
  reaches(node: string, target: string): boolean {
    for (let look = 0; look < 20; look++) if (this.pings(node, target)) return true
    return false
  }

  /** Packets dropped by each of the two rules. */
  drops(): number[] {
    const rules = this.in('router', 'nft list table ip6 freenet6')
    return [...rules.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets))
  }

  remove(): void {
    for (const node of ['router', 'alice', 'bob', 'host']) {
      spawnSync('ip', ['netns', 'del', this.#name + node], { stdio: 'pipe' })
    }
  }
}

test('in a real kernel a client is heard from its own addresses alone, and no packet goes back', async t => {
  const missing = await missingPackages(['nft', 'ip', 'ping'])
  if (missing !== undefined) return t.skip(missing)
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) return t.skip(cannot('network namespaces need root'))
  const network = new Network()
  t.after(() => network.remove())
  network.build()
  const { command } = tool(t, '')
  writeFileSync(command, `#!/bin/sh\nexec ip netns exec fn6t${process.pid}router nft "$@"\n`)
  assert.equal(await installSourceFilter({ devicePrefix: 'fn6-', command }), undefined)
  assert.equal(await installSourceFilter({ devicePrefix: 'fn6-', command }), undefined)

  assert.ok(network.reaches('alice', '2001:db8:1::2'), 'a client reaches a host')
  assert.ok(network.reaches('alice', '2001:db8:f6:1::1'), 'a client reaches the server')
  assert.ok(network.reaches('alice', '2001:db8:f6:2::2'), 'a client reaches another')
  assert.ok(network.reaches('host', '2001:db8:f6:1::2'), 'a host reaches a client')
  assert.deepEqual(network.drops(), [0, 0])

  network.in('alice', 'ip address add 2001:db8:f6:2::9/128 dev e0 nodad')
  assert.ok(!network.pings('alice', '2001:db8:1::2', '-I', '2001:db8:f6:2::9'), 'from another’s address')
  assert.deepEqual(network.drops(), [1, 0])
  assert.ok(!network.pings('alice', '2001:db8:f6:1::77', '-I', '2001:db8:f6:1::2'), 'into its own tunnel')
  assert.deepEqual(network.drops(), [1, 1])
})
