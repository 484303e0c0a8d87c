/**
 * The program as its users start it, under strangers who mean no good: 100,000 datagrams and 1,000 conversations over
 * TCP. It lives, answers honest clients all the while, never answers an answer, and holds no more memory afterwards.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { hostileDatagram, hostileMessage } from '../fuzz/hostile-message.ts'
import { CHILD, ZONE } from '../fuzz/hostile-zones.ts'
import { ask, hasIpv6Loopback, type Server, startServer } from '../spawn.ts'
import { CONVERSATIONS, converse, crowd } from './hostile-conversations.ts'
import { sendHostile } from './hostile-datagrams.ts'
import { COLLECTING, type Memory, metric, settledMemory } from './settled-memory.ts'

const DATAGRAMS_A_PASS = 20_000
const CONVERSATIONS_A_PASS = 200
const PASSES = 5
/** Where the first passes were still warming up, their figures are left behind: so many more at most. */
const MORE_PASSES = 5
const GROWTH = 1.1
const HUNDRED = 100
const PROBE_TRIES = 5

/** FREENET6_SEED makes the same messages again. */
const given = Number(process.env.FREENET6_SEED ?? Number.NaN)
const seed = Number.isInteger(given) ? given : Math.floor(Math.random() * 2 ** 31)
const FAMILIES = hasIpv6Loopback() ? ([4, 6] as const) : ([4] as const)

let dir: string
let server: Server

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-hostile-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', 'example.zone'), ZONE)
  writeFileSync(join(dir, 'zones', 'x.example.zone'), CHILD)
  server = await startServer({ dir, config: 'zones_dir = "zones"\n', env: COLLECTING })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

test(`100,000 datagrams and 1,000 conversations do no harm (seed ${seed})`, { timeout: 600_000 }, async t => {
  const datagrams = fc.sample(hostileDatagram, { numRuns: DATAGRAMS_A_PASS, seed })
  const messages = fc.sample(hostileMessage, { numRuns: CONVERSATIONS_A_PASS, seed })
  const memory: Memory[] = []
  while (memory.length < PASSES || (!isFlat(memory) && memory.length < PASSES + MORE_PASSES)) {
    await sendHostile(server.endpoint(familyOf(memory.length)), datagrams, () => probe('udp'))
    await converseAll(messages)
    memory.push(await settledMemory(server))
  }
  t.diagnostic(memory.map(inMegabytes).join(', '))
  assert.ok(isFlat(memory), memory.map(inMegabytes).join(', '))
  assert.equal(await metric(server, 'freenet6_dns_faults_total'), 0)
  assert.equal(await metric(server, 'freenet6_dns_thread_restarts_total'), 0)
  assert.equal(server.exitCode, null)
  assert.equal(await server.stop(), 0)
})

async function converseAll(messages: readonly Buffer[]): Promise<void> {
  for (let first = 0; first < messages.length; first += HUNDRED) {
    const talks = messages.slice(first, first + HUNDRED).map((junk, index) => {
      const conversation = CONVERSATIONS[(first + index) % CONVERSATIONS.length]
      assert.ok(conversation)
      return converse(server.endpoint(familyOf(index)), conversation, junk)
    })
    await Promise.all(talks)
    await probe('tcp')
  }
  await crowd(server.endpoint(), () => probe('tcp'))
}

function familyOf(index: number): 4 | 6 {
  return FAMILIES[index % FAMILIES.length] ?? 4
}

/** An honest client is answered. A datagram may get lost in the crowd: it asks again, as all clients do. */
async function probe(transport: 'udp' | 'tcp'): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const { reply, rcode } = await ask(server.endpoint(), 'example', 'SOA', { tcp: transport === 'tcp' })
      assert.deepEqual([rcode, reply.flag_aa, reply.answers?.length], ['NOERROR', true, 1])
      return
    } catch (error) {
      if (tries === PROBE_TRIES || error instanceof assert.AssertionError) throw error
    }
  }
}

/** No more held after the last pass than four passes before, but for a tenth. */
function isFlat(memory: readonly Memory[]): boolean {
  const first = memory.at(-PASSES)
  const last = memory.at(-1)
  if (first === undefined || last === undefined) return false
  return last.heap <= first.heap * GROWTH && last.resident <= first.resident * GROWTH
}

function inMegabytes({ heap, resident }: Memory): string {
  const [heapText, residentText] = [heap, resident].map(octets => (octets / 2 ** 20).toFixed(1))
  return `heap ${heapText} MB, resident ${residentText} MB`
}
