import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { FLAGS, readReply, type WireReply } from '../wire-reader.ts'
import { type askManyTcp, askManyUdp } from './ask-many.ts'
import { textOf } from './labels.ts'
import { plainQuestion, type Question, questionText } from './random-question.ts'
import type { World } from './random-world.ts'

export interface Server {
  readonly name: string
  readonly endpoint: Endpoint
  /** What it has logged about a thing. */
  linesAbout(word: string): string
}

export interface Asked {
  readonly world: World
  readonly question: Question
}

/** What one server says to one question. */
export interface Said {
  readonly server: string
  /** Undefined where it says nothing. */
  readonly reply: WireReply | undefined
  readonly octets: number
}

const LOAD_TIMEOUT_MS = 90_000
const LOAD_POLL_MS = 200

/**
 * Which servers are believed about which worlds. named 9.18 loads no zone where a wildcard owns NS, nsd 4.6.1 none with
 * a DNAME above something. knotd 3.2.6 takes an octet 0 inside a label for the label's end, so `a\000b` is `b.a` to it:
 * by itself that is one voice, but nsd takes names of a parent for names of a served child, and where the two mistakes
 * meet, both say NODATA where there is no name.
 */
export function hasSay(server: string, world: World): boolean {
  switch (server) {
    case 'named':
      return world.oddity !== 'wildcard NS'
    case 'nsd':
      return world.oddity === 'none' || world.oddity === 'wildcard NS'
    case 'knotd':
      return !world.zones.some(({ labels }) => labels.some(label => label.includes('\0')))
    default:
      return true
  }
}

/** Waits until the server has loaded all zones of the worlds that it has a say in. */
export async function untilServed(server: Server, worlds: readonly World[]): Promise<void> {
  const zones = worlds.filter(world => hasSay(server.name, world)).flatMap(world => world.zones)
  const questions = zones.map(({ apex }) => plainQuestion(apex, 'SOA'))
  for (const deadline = performance.now() + LOAD_TIMEOUT_MS; ; ) {
    const replies = await askManyUdp(
      server.endpoint,
      questions.map(({ query }) => query),
    )
    const missing = zones.find((_, i) => !isAuthoritative(replies[i]))
    if (missing === undefined) return
    if (performance.now() > deadline) {
      const name = textOf(missing.apex)
      throw new Error(`${server.name} does not serve ${name}\n${server.linesAbout(name.slice(0, -1))}`)
    }
    await sleep(LOAD_POLL_MS)
  }
}

function isAuthoritative(octets: Buffer | undefined): boolean {
  if (octets === undefined) return false
  const { rcode, flags } = readReply(octets)
  return rcode === 0 && (flags & FLAGS.AA) !== 0
}

/** Asks all servers the same questions at the same time; for each question what each of them says. */
export async function askAll(
  servers: readonly Server[],
  questions: readonly Question[],
  askMany: typeof askManyUdp | typeof askManyTcp,
): Promise<readonly (readonly Said[])[]> {
  const queries = questions.map(({ query }) => query)
  const replies = await Promise.all(servers.map(({ endpoint }) => askMany(endpoint, queries)))
  return questions.map((question, i) => servers.map(({ name }, n) => said(name, question, replies[n]?.[i])))
}

function said(server: string, question: Question, octets: Buffer | undefined): Said {
  if (octets === undefined) return { server, reply: undefined, octets: 0 }
  try {
    return { server, reply: readReply(octets), octets: octets.length }
  } catch (error) {
    throw new Error(`${server} to ${questionText(question)}: ${octets.toString('hex')}`, { cause: error })
  }
}
