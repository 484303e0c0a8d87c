import { setTimeout as sleep } from 'node:timers/promises'
import { settledMemory } from '../served/settled-memory.ts'
import type { Findings } from './findings.ts'
import { eventually } from './last-look.ts'
import { childrenOf, descriptorsOf, strays } from './processes.ts'
import type { TriedBroker } from './tried-broker.ts'

/** What the compiler and the allocator keep of a busy life: a leak of ours would be one for each of many requests. */
const HEAP_TOLERANCE = 24 * 1024 * 1024
const RESIDENT_TOLERANCE = 96 * 1024 * 1024
/** Files that SQLite opens when it first needs them. */
const DESCRIPTOR_TOLERANCE = 4
const REST_MS = 2000
/** What a crowd has needed is given back to the system over some seconds: the least of several looks is what is held. */
const LOOKS = 4
/** A round and a look at a setting open descriptors for moments: the least of several counts is what is held. */
const COUNTS = 20

interface Figures {
  readonly heap: number
  readonly resident: number
  readonly descriptors: readonly string[]
}

/** Compares a process that has seen it all, at rest, with a fresh one on the same table, and looks for children left. */
export async function lookForResidue(broker: TriedBroker, findings: Findings): Promise<void> {
  await eventually(findings, 'children', () => childTrouble(broker))
  const tried = await figuresOf(broker)
  const status = await broker.stop()
  if (status !== 0) findings.add(`the broker ended with ${status} on SIGTERM`)
  const left = strays()
  if (left.length > 0) findings.add(`the broker left ${left.length} children behind`)
  await broker.start()
  await eventually(findings, 'children', () => childTrouble(broker))
  const fresh = await figuresOf(broker)
  process.stdout.write(`at rest: ${text(tried)}; a fresh process: ${text(fresh)}\n`)
  compare('octets of heap', tried.heap - fresh.heap, HEAP_TOLERANCE, findings)
  compare('octets of memory', tried.resident - fresh.resident, RESIDENT_TOLERANCE, findings)
  compare('descriptors', tried.descriptors.length - fresh.descriptors.length, DESCRIPTOR_TOLERANCE, findings)
}

/** At rest there are the monitors of the kernel, each once; for moments, the children of a round. */
function childTrouble({ server }: TriedBroker): string | undefined {
  const children = childrenOf(server.pid)
  const isAtRest = children.length > 0 && children.every(line => line.includes(' monitor'))
  return isAtRest && new Set(children).size === children.length
    ? undefined
    : `the children are ${children.join(', ')}`
}

async function figuresOf({ server }: TriedBroker): Promise<Figures> {
  let least = { heap: Number.POSITIVE_INFINITY, resident: Number.POSITIVE_INFINITY }
  for (let look = 0; look < LOOKS; look++) {
    await sleep(REST_MS)
    const { heap, resident } = await settledMemory(server)
    least = { heap: Math.min(least.heap, heap), resident: Math.min(least.resident, resident) }
  }
  return { ...least, descriptors: await heldDescriptors(server.pid) }
}

async function heldDescriptors(pid: number): Promise<string[]> {
  let least = descriptorsOf(pid)
  for (let count = 1; count < COUNTS; count++) {
    await sleep(REST_MS / COUNTS)
    const now = descriptorsOf(pid)
    if (now.length < least.length) least = now
  }
  return least
}

function compare(what: string, surplus: number, tolerance: number, findings: Findings): void {
  if (surplus > tolerance) findings.add(`${surplus} ${what} more than a fresh process has are left`)
}

function text({ heap, resident, descriptors }: Figures): string {
  const kinds = Object.entries(Object.groupBy(descriptors, kind => kind)).map(
    ([kind, all]) => `${all?.length ?? 0} ${kind}`,
  )
  return `${heap} octets of heap, ${resident} of memory, descriptors ${kinds.toSorted().join(' ')}`
}
