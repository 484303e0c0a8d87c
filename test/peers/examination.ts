import { FLAGS, type WireReply } from '../wire-reader.ts'
import { askManyTcp, askManyUdp } from './ask-many.ts'
import type { HomePart } from './chain.ts'
import { comparable, type Served } from './comparable.ts'
import { labelsOf } from './labels.ts'
import { chainFaults, ownFaults, sizeFaults } from './own-faults.ts'
import { plainQuestion, type Question } from './random-question.ts'
import { type Asked, askAll, type Said, type Server } from './servers.ts'
import { judge, reportText, type Verdict } from './verdict.ts'

interface Answered extends Asked {
  readonly udp: readonly Said[]
  /** Undefined where UDP left no doubt. */
  readonly tcp: readonly Said[] | undefined
}

/** A chain of ours that leaves the zone of the question. */
interface Leaving {
  readonly answered: Answered
  readonly reply: WireReply
  readonly home: HomePart
}

/** As many links as a chain of ours may have: it may have been cut off. */
const MAX_CHAIN = 16

const WRONG: Readonly<Partial<Record<Verdict, string>>> = {
  different: 'two agree, and we do not',
  alone: 'nobody says what we say',
}

/** Asks all servers, the first of which is ours. Reports every answer of ours that is wrong; sums up the verdicts. */
export async function examine(
  asked: readonly Asked[],
  servers: readonly Server[],
  served: Served,
): Promise<{ readonly reports: readonly string[]; readonly summary: string }> {
  const answered = await askTwice(asked, servers, served)
  const verdicts = new Map<Verdict, number>()
  const reports: string[] = []
  for (const each of answered) {
    const said = each.tcp ?? each.udp
    const verdict = judge(said, each, served)
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    const wrong = WRONG[verdict]
    if (wrong !== undefined) reports.push(reportText(wrong, said, each))
    const faults = faultsOf(each, served)
    if (faults.length > 0) reports.push(reportText(faults.join('; '), said, each))
  }
  reports.push(...(await examineChains(answered, servers, served)))
  const counts = [...verdicts].map(([verdict, count]) => `${count} ${verdict}`)
  return {
    reports,
    summary: `${counts.join(', ')}; ${answered.filter(({ tcp }) => tcp !== undefined).length} over TCP`,
  }
}

/** Over UDP, and where that leaves a doubt over TCP too: there is nothing cut off there. */
async function askTwice(
  asked: readonly Asked[],
  servers: readonly Server[],
  served: Served,
): Promise<Answered[]> {
  const overUdp = await askAll(servers, asked.map(questionOf), askManyUdp)
  const isDoubtful = (said: readonly Said[], each: Asked) =>
    said.some(isTruncated) || judge(said, each, served) !== 'same'
  const doubtful = asked.filter((each, i) => isDoubtful(overUdp[i] ?? [], each))
  const overTcp = await askAll(servers, doubtful.map(questionOf), askManyTcp)
  const again = new Map(doubtful.map((each, i) => [each, overTcp[i]]))
  return asked.map((each, i) => ({ ...each, udp: overUdp[i] ?? [], tcp: again.get(each) }))
}

function questionOf({ question }: Asked): Question {
  return question
}

function isTruncated({ reply }: Said): boolean {
  return ((reply?.flags ?? 0) & FLAGS.TC) !== 0
}

/** What is wrong with our replies by themselves. */
function faultsOf({ question, udp: [udp], tcp: [tcp] = [] }: Answered, served: Served): string[] {
  if (udp?.reply === undefined) return ['silence over UDP']
  const faults = ownFaults(udp.reply, question, served)
  faults.push(...sizeFaults(udp.octets, udp.reply, question, tcp?.octets))
  if (tcp === undefined) return faults
  if (tcp.reply === undefined) return [...faults, 'silence over TCP']
  faults.push(...ownFaults(tcp.reply, question, served))
  const isSame = comparable(udp.reply, question, served) === comparable(tcp.reply, question, served)
  if (!isTruncated(udp) && !isSame) faults.push('UDP without TC says other things than TCP')
  return faults
}

/** The peers differ in whether they follow a chain into another zone; ours must be what both zones say by themselves. */
async function examineChains(
  answered: readonly Answered[],
  [ours]: readonly Server[],
  { borders }: Served,
): Promise<string[]> {
  const leaving = answered.flatMap((each): Leaving[] => {
    const { reply } = (each.tcp ?? each.udp)[0] ?? {}
    const home = reply && borders.homePart(reply, each.question.qname, each.question.qtype)
    return reply === undefined || home === undefined || reply.answer.length >= MAX_CHAIN
      ? []
      : [{ answered: each, reply, home }]
  })
  const questions = leaving.map(({ home, answered }) =>
    plainQuestion(labelsOf(home.exit), answered.question.type),
  )
  const rests = await askAll(ours === undefined ? [] : [ours], questions, askManyTcp)
  return leaving.flatMap(({ answered, reply, home }, i) => {
    const rest = rests[i]?.[0]
    const faults = rest?.reply === undefined ? ['silence'] : chainFaults(reply, home.records, rest.reply)
    return faults.length === 0
      ? []
      : [reportText(faults.join('; '), [...answered.udp, ...(rest === undefined ? [] : [rest])], answered)]
  })
}
