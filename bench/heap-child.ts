/**
 * Answers a million queries in this process and prints, as JSON, what they left on the heap. To be run with
 * `--expose-gc` and a young generation that is not collected on the way: `node … heap-child.ts CONFIG TUNNELS`.
 */
import { Session } from 'node:inspector/promises'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { encode } from 'dns-packet'
import { compose } from '../src/compose.ts'
import { readConfig } from '../src/config/config.ts'
import { Client } from '../src/engine/client.ts'
import { Nameserver } from '../src/engine/nameserver.ts'
import type { Log } from '../src/shared/log.ts'
import type { HeapFigures, HeapSite } from './part/heap.ts'
import { questionMix } from './table.ts'

const QUERIES = 1_000_000
const WARM_UP = 200_000
const DISTINCT = 10_000
const SITES = 5
/** The profiler notes one allocation in so many bytes on average. */
const SAMPLE_BYTES = 512
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

const [file, tunnels] = process.argv.slice(2)
const reading = readConfig(file)
if (reading.kind === 'mistakes') throw new Error(reading.mistakes.join('\n'))
const broker = await compose(reading.config, { log: SILENT })
const nameserver = new Nameserver({ catalog: broker.catalog, nsid: '', version: '', hostname: '' })
const messages = questionMix(Number(tunnels), DISTINCT).map(({ name, type }) =>
  encode({ type: 'query', id: 1, questions: [{ type, name, class: 'IN' }] }),
)
const reply = Buffer.alloc(4096)
const client = new Client('udp')
client.note('127.0.0.1', Math.floor(Date.now() / 1000))

answerMany(WARM_UP)
process.stdout.write(`${JSON.stringify(await measure())}\n`)
broker.close()

async function measure(): Promise<HeapFigures> {
  const collections = countCollections()
  for (let i = 0; i < 2; i++) globalThis.gc?.() // buffers of the start are let go in the second
  const before = process.memoryUsage()
  const started = performance.now()
  answerMany(QUERIES)
  const microseconds = ((performance.now() - started) * 1000) / QUERIES
  const after = process.memoryUsage()
  return {
    queries: QUERIES,
    heapBytes: after.heapUsed - before.heapUsed,
    arrayBufferBytes: after.arrayBuffers - before.arrayBuffers,
    collections: await collections(),
    microseconds,
    tableBytes: broker.catalog.memory().used,
    sites: await profile(),
  }
}

function answerMany(count: number): void {
  for (let i = 0; i < count; i++) {
    const message = messages[i % DISTINCT]
    if (message !== undefined) nameserver.respond(message, message.length, reply, client)
  }
}

/** Counts garbage collections from now on, but for those that are asked for; the result is how many there were. */
function countCollections(): () => Promise<number> {
  let collections = 0
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      if (flagsOf(entry) !== constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) collections++
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return async () => {
    await new Promise(resolve => setTimeout(resolve, 50)) // entries are delivered later
    observer.disconnect()
    return collections
  }
}

function flagsOf(entry: object): unknown {
  const detail = 'detail' in entry ? entry.detail : undefined
  return typeof detail === 'object' && detail !== null && 'flags' in detail ? detail.flags : undefined
}

/** Where memory was allocated during another million queries, collected or not: V8's sampling profiler. */
async function profile(): Promise<readonly HeapSite[]> {
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  answerMany(QUERIES)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  session.disconnect()
  const sites: HeapSite[] = []
  const pending = [profile.head]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    pending.push(...node.children)
    const { functionName, url, lineNumber } = node.callFrame
    const place = `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
    if (node.selfSize > 0) sites.push({ place, bytes: node.selfSize })
  }
  return sites.sort((a, b) => b.bytes - a.bytes).slice(0, SITES)
}
