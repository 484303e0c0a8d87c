/**
 * Rounds of a prober over clients of tunnels of which every other one is silent, in a network of its own (takes root).
 * Prints for each round what it found, wall and CPU time, and the longest time that the event loop was not free; the
 * first round of a process has its compiling in it. `node bench/prober.ts [TARGETS] [icmp|fping|ping] [ROUNDS]`.
 */
import { execFileSync } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parsePrefix } from '../src/address/prefix.ts'
import { chooseProber } from '../src/echo/choose-prober.ts'
import { enterOwnNetwork } from '../test/own-network.ts'

const TIMEOUT_MS = 3000
const POOL = '2001:db8::/32'
/** The clients of one half of the pool are behind a device whose other end replies to nothing, those of the other are here. */
const NETWORK = [
  'link add quiet0 arp off type veth peer name quiet1',
  'link set quiet0 up',
  'link set quiet1 up',
  '-6 route add 2001:db8::/33 dev quiet0',
  '-6 route add local 2001:db8:8000::/33 dev lo',
]

const [count = '100000', wanted = 'icmp', rounds = '4'] = process.argv.slice(2)
const kind = (['icmp', 'fping', 'ping'] as const).find(known => known === wanted)
if (kind === undefined) throw new Error(`${wanted} is no prober`)
const missing = await enterOwnNetwork()
if (missing !== undefined) throw new Error(missing)
for (const line of NETWORK) execFileSync('ip', line.split(' '))

const targets = Array.from({ length: Number(count) }, (_, i) => {
  const half = i % 2 === 0 ? 0 : 0x8000
  return `2001:db8:${(half + (i >> 12)).toString(16)}:${(i & 0xfff).toString(16)}::2`
})
const pool = parsePrefix(POOL)
const prober = await chooseProber(kind, pool === undefined ? {} : { pool })
const delay = monitorEventLoopDelay({ resolution: 5 })
for (let round = 1; round <= Number(rounds); round++) {
  delay.reset()
  delay.enable()
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  const verdicts = await prober.probe(targets, { timeoutMs: TIMEOUT_MS })
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  delay.disable()
  const kinds = [...verdicts.values()].map(verdict => verdict.kind)
  const tally = (kind: string) => kinds.filter(one => one === kind).length
  const figures = {
    round,
    prober: prober.kind,
    targets: targets.length,
    answered: tally('answered'),
    silent: tally('silent'),
    unknown: tally('unknown'),
    seconds: Number(seconds.toFixed(2)),
    /** Of this process: children of fping and ping are not in it. What the kernel does to answer is in that of icmp. */
    cpuSeconds: Number(((user + system) / 1e6).toFixed(2)),
    ownSeconds: Number((user / 1e6).toFixed(2)),
    longestDelayMs: Math.round(delay.max / 1e6),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}
