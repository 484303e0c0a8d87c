import type { WireReply } from '../wire-reader.ts'
import { isEndless } from './chain.ts'
import { comparable, replyText, type Served } from './comparable.ts'
import { isAtOrBelow, keyOf, labelsOf, type Name, textOf } from './labels.ts'
import { questionText } from './random-question.ts'
import type { RandomZone } from './random-zone.ts'
import { type Asked, hasSay, type Said } from './servers.ts'

/**
 * What becomes of our answer beside theirs: two of them agree with us; two agree with each other and not with us; they
 * agree with nobody, and then one of them says what we say, or none. None has to where the RFCs leave it open.
 */
export type Verdict = 'same' | 'different' | 'supported' | 'alone' | 'open'

const OPEN_TYPES: ReadonlySet<string> = new Set(['ANY', 'TYPE25'])
const MAX_RDATA_SHOWN = 120

/** Ours is the first. */
export function judge(
  [ours, ...theirs]: readonly Said[],
  { world, question }: Asked,
  served: Served,
): Verdict {
  const textOfSaid = ({ reply }: Said) =>
    reply === undefined ? 'silence' : comparable(reply, question, served)
  const our = ours === undefined ? '' : textOfSaid(ours)
  const texts = theirs.filter(({ server }) => hasSay(server, world)).map(textOfSaid)
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  const [most = '', number = 0] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? []
  if (number > 1) return most === our ? 'same' : 'different'
  if (texts.includes(our)) return 'supported'
  return ours?.reply !== undefined && isOpen(ours.reply, { world, question }) ? 'open' : 'alone'
}

/**
 * What is said to ANY (RFC 8482), whether KEY may stand beside a CNAME (in named alone: RFC 2535 had it so), what a
 * wildcard's NS means (RFC 4592 4.2), how far an endless chain is followed.
 */
function isOpen(reply: WireReply, { world, question }: Asked): boolean {
  return OPEN_TYPES.has(question.type) || world.oddity === 'wildcard NS' || isEndless(reply, question.qname)
}

/** All that is needed to see who is right. */
export function reportText(what: string, said: readonly Said[], { world, question }: Asked): string {
  const replies = said.map(
    ({ server, reply, octets }) =>
      `${server}${hasSay(server, world) ? '' : ' (no say)'}, ${octets} octets: ${reply === undefined ? 'silence' : replyText(reply)}`,
  )
  const names = [question.name, ...namesIn(said)]
  return [
    `${what}: ${questionText(question)}`,
    ...replies,
    ...world.zones.map(zone => partOf(zone, names)),
  ].join('\n')
}

function namesIn(said: readonly Said[]): Name[] {
  const replies = said.map(({ reply }) => reply)
  const records = replies.flatMap(reply => [...(reply?.answer ?? []), ...(reply?.authority ?? [])])
  return records.map(({ owner }) => labelsOf(owner))
}

/** Records at and above the names, and the wildcards there. */
function partOf(zone: RandomZone, names: readonly Name[]): string {
  const tops = new Set(names.flatMap(name => name.map((_, i) => keyOf(name.slice(i)))))
  const isPart = (owner: Name) =>
    tops.has(keyOf(owner)) || (owner[0] === '*' && tops.has(keyOf(owner.slice(1))))
  const records = zone.records().filter(({ owner }) => isPart(owner))
  const lines = records.map(
    ({ owner, ttl, type, rdata }) => `${textOf(owner)} ${ttl} ${type} ${rdata.slice(0, MAX_RDATA_SHOWN)}`,
  )
  return [
    `; zone ${textOf(zone.apex)}`,
    ...(names.some(name => isAtOrBelow(name, zone.apex)) ? lines : []),
  ].join('\n')
}
