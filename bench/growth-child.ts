/**
 * Grows a table from nothing while another thread looks one name up, and prints the reader's pauses as JSON: a process of
 * its own, so that each of its threads can have a core. `node … growth-child.ts`.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { TYPE } from '../src/wire/codes.ts'
import { parseName } from '../src/wire/name.ts'
import { Catalog, type RrsetChange } from '../src/zone/catalog.ts'
import type { GrowthFigures } from './part/growth.ts'

/** What the reading thread tells of one spell. */
export interface ReadingSpell {
  readonly reads: number
  readonly longestMs: number
  readonly longPauses: number
}

const NAMES = 400_000
const NAMES_A_COMMIT = 200
const QUIET_MS = 2000
const READER = new URL('./growth-reader.ts', import.meta.url)

process.stdout.write(`${JSON.stringify(await measureGrowth())}\n`)

/** Grows a table from nothing, a commit of 200 names at a time, while another thread looks one name up. */
async function measureGrowth(): Promise<GrowthFigures> {
  const catalog = new Catalog()
  catalog.putZone(wire('example.'), [
    {
      owner: wire('example.'),
      type: TYPE.SOA,
      ttl: 60,
      rdatas: [Buffer.concat([wire('a.'), wire('b.'), Buffer.alloc(20)])],
    },
    { owner: wire('steady.example.'), type: TYPE.A, ttl: 60, rdatas: [Uint8Array.of(192, 0, 2, 1)] },
  ])
  const reader = new Worker(READER, { workerData: catalog.buffer })
  await once(reader, 'message')
  await sleep(QUIET_MS)
  const quiet = await spellOf(reader)
  for (let first = 0; first < NAMES; first += NAMES_A_COMMIT) catalog.commit(changesFrom(first))
  const growing = await spellOf(reader)
  await reader.terminate()
  return {
    names: NAMES,
    megabytes: catalog.memory().touched / 1e6,
    reads: growing.reads,
    longestQuiet: quiet.longestMs,
    longestGrowing: growing.longestMs,
    longPauses: growing.longPauses,
  }
}

async function spellOf(reader: Worker): Promise<ReadingSpell> {
  const said = once(reader, 'message')
  reader.postMessage('tell')
  const [spell] = (await said) as [ReadingSpell]
  return spell
}

function* changesFrom(first: number): Generator<RrsetChange> {
  for (let i = first; i < first + NAMES_A_COMMIT; i++) {
    const owner = wire(`h${i}.example.`)
    yield { kind: 'put', rrset: { owner, type: TYPE.AAAA, ttl: 60, rdatas: [new Uint8Array(16)] } }
  }
}

function wire(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new RangeError(`${text} is not a name`)
  return name
}
