/**
 * One round of a prober over targets of which every other one is silent, in a network of its own (takes root). Prints
 * what it found, wall and CPU time, and the longest time that the event loop was not free:
 * `node bench/prober.ts [TARGETS] [icmp|fping|ping]`.
 */
import { execFileSync } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { chooseProber } from '../src/echo/choose-prober.ts'
import { enterOwnNetwork } from '../test/own-network.ts'

const TIMEOUT_MS = 3000
const NETWORK = [
  'link add quiet0 arp off type veth peer name quiet1',
  'link set quiet0 up',
  'link set quiet1 up',
  'address add 2001:db8:ffff::ff/64 dev quiet0 nodad',
  '-6 route add 2001:db8:d::/64 dev quiet0',
  '-6 route add local 2001:db8:a::/64 dev lo',
]

const [count = '100000', wanted = 'icmp'] = process.argv.slice(2)
const kind = (['icmp', 'fping', 'ping'] as const).find(known => known === wanted)
if (kind === undefined) throw new Error(`${wanted} is no prober`)
const missing = await enterOwnNetwork()
if (missing !== undefined) throw new Error(missing)
for (const line of NETWORK) execFileSync('ip', line.split(' '))

const targets = Array.from({ length: Number(count) }, (_, i) => {
  const host = `${(1 + (i >> 12)).toString(16)}:${((i & 0xfff) + 1).toString(16)}`
  return `2001:db8:${i % 2 === 0 ? 'd' : 'a'}::${host}`
})
const prober = await chooseProber(kind)
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const cpuBefore = process.cpuUsage()
const start = performance.now()
const verdicts = await prober.probe(targets, { timeoutMs: TIMEOUT_MS })
const seconds = (performance.now() - start) / 1000
const cpu = process.cpuUsage(cpuBefore)
const kinds = [...verdicts.values()].map(verdict => verdict.kind)
const tally = (kind: string) => kinds.filter(one => one === kind).length
const figures = {
  prober: prober.kind,
  targets: targets.length,
  answered: tally('answered'),
  silent: tally('silent'),
  unknown: tally('unknown'),
  seconds: Number(seconds.toFixed(2)),
  /** Of this process: children of fping and ping are not in it. */
  cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
  longestDelayMs: Math.round(delay.max / 1e6),
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
