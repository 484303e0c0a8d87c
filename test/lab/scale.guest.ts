/**
 * What tunnels cost by their number, on the guest's kernel: prints one line of a table for each number.
 *
 *   uml-run -m 4096M -t 3000 -- node test/lab/scale.guest.ts shared 100 10000 100000
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parsePrefix } from '../../src/address/prefix.ts'
import { chooseProber } from '../../src/echo/choose-prober.ts'
import { SIT } from '../../src/kind/sit/sit.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import type { Log } from '../../src/shared/log.ts'
import type { Interfaces, Link, LinkFault } from '../../src/tunnel/interface.ts'
import { costOfPackets, NETWORKS } from './packet-cost.ts'

const [layout = 'shared', ...counts] = process.argv.slice(2)
const POOL = '2001:db8::/32'
const CHANGES = 20
const KILOBYTE = 1024
const quiet = () => undefined
const LOG = { info: quiet, warn: quiet, error: quiet } as unknown as Log

const prefix = parsePrefix(POOL)
assert.ok(prefix)
const libc = await loadLibc()
assert.ok(libc, 'koffi')

function openDriver(): Promise<Interfaces> {
  assert.ok(prefix)
  return SIT.openDriver({
    driver: 'sit',
    layout: layout === 'per-tunnel' ? 'per-tunnel' : 'shared',
    devicePrefix: 'fn6-',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix,
    routed: undefined,
    dataDir: '/run',
    wireguard: { port: 51_820, mtu: 1420, program: 'auto' },
    isDemo: false,
    hadInterfaces: false,
    claimKernel: async () => undefined,
    log: LOG,
  })
}

function link(index: number, shift = 0): Link {
  // From 1 on, so that the addresses are canonical text.
  const network = `2001:db8:${((index + 1) >> 16).toString(16)}:${((index + 1) & 0xffff).toString(16)}`
  const host = index + 1 + shift
  return {
    device: `fn6-${index}`,
    ipv4Client: `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`,
    ipv6Server: `${network}::1`,
    ipv6Client: `${network}::2`,
  }
}

/** Milliseconds that the work takes, which has to end without a fault. */
async function timed(work: () => Promise<readonly LinkFault[]>): Promise<number> {
  const start = performance.now()
  const faults = await work()
  assert.deepEqual(faults.slice(0, 3), [])
  return performance.now() - start
}

function kernelMemory(): number {
  const text = readFileSync('/proc/meminfo', 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  return of('Slab') + of('Percpu') + of('VmallocUsed') + of('KernelStack')
}

async function round(links: readonly Link[]): Promise<{ seconds: number; cpuSeconds: number }> {
  const prober = await chooseProber('icmp', { ...(prefix === undefined ? {} : { pool: prefix }) })
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const targets = links.map(({ ipv6Client }) => ipv6Client)
  const verdicts = await prober.probe(targets, { timeoutMs: 3000 })
  assert.equal(verdicts.size, links.length)
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 }
}

async function measure(count: number): Promise<void> {
  assert.ok(libc)
  const links = Array.from({ length: count }, (_, index) => link(index))
  const driver = await openDriver()
  await timed(() => driver.prepare())
  const memory = kernelMemory()
  const up = await timed(() => driver.create(links))
  const used = kernelMemory() - memory
  const first = await timed(async () => (await driver.reconcile(links)).faults)
  const nothing = await timed(async () => (await driver.reconcile(links)).faults)
  const packet = costOfPackets(libc, links)
  let change = 0
  for (let i = 0; i < CHANGES; i++) change += await timed(() => driver.changeRemote([link(i, 1_000_000)]))
  const restarted = await openDriver()
  for (let i = 0; i < CHANGES; i++) links[i] = link(i, 1_000_000)
  const restart = await timed(async () => {
    const faults = await restarted.prepare()
    const { made, faults: more } = await restarted.reconcile(links)
    assert.deepEqual(made, [])
    return [...faults, ...more]
  })
  const probed = await round(links)
  const down = await timed(() => restarted.remove(links.map(({ device }) => device)))
  const cells = [
    count.toLocaleString('en'),
    `${(up / 1000).toFixed(2)} s`,
    `${(down / 1000).toFixed(2)} s`,
    `${(restart / 1000).toFixed(2)} s`,
    `${(first / 1000).toFixed(2)} s`,
    `${(nothing / 1000).toFixed(2)} s`,
    `${(change / CHANGES).toFixed(1)} ms`,
    `${((used * KILOBYTE) / count / 1000).toFixed(2)} KB`,
    `${packet.in.toFixed(2)} µs`,
    `${packet.out.toFixed(2)} µs`,
    `${probed.seconds.toFixed(1)} s, ${probed.cpuSeconds.toFixed(1)} s CPU`,
  ]
  process.stdout.write(`| ${layout} | ${cells.join(' | ')} |\n`)
}

for (const line of NETWORKS) {
  const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
  assert.equal(status, 0, `ip ${line}: ${stderr}`)
}
for (const count of counts) await measure(Number(count))
