import { setTimeout as sleep } from 'node:timers/promises'
import { BlockingAsker } from '../blocking-asker.ts'
import { BrokerClient } from '../broker-client.ts'
import { isRight, type Question } from '../question.ts'
import { formOf, type Registrant, Registrants } from '../registrant.ts'
import type { RunningServer } from '../running-server.ts'
import { percentile } from '../statistics.ts'

/** How long the right answer takes straight after a commit, on UDP and on TCP; milliseconds, round trips included. */
export interface CommitFigures {
  readonly deletions: number
  /** Asked over UDP when the API has answered a deletion, until the right answer is there. */
  readonly goneP50: number
  readonly goneP99: number
  /** The same question once more: the round trip alone. */
  readonly againP50: number
  readonly againP99: number
  /** The question on a TCP connection that stays open. */
  readonly tcpP50: number
  readonly tcpP99: number
  /** Answers looked at after deletions, on all sockets. */
  readonly answers: number
  /** Old answers after the API had said that the tunnel is gone: there must be none. */
  readonly staleAnswers: number
  /** From the API's answer to a registration, the tunnel still new, to the first AAAA; milliseconds. */
  readonly activeP50: number
  readonly activeP99: number
}

/** Sockets have different ports, so that with SO_REUSEPORT they reach all threads. */
const UDP_SOCKETS = 8
const TIMEOUT_MS = 2000
const CREATED = 201
const ACTIVE_POLL_MS = 0.2
/** Not counted: the compiler has seen it all by then. */
const WARM_UP_MS = 1000
/** It goes on for so many times a measurement's length: a p99 wants many. */
const SUSTAINED = 2

interface GoneTimes {
  readonly gone: number[]
  readonly again: number[]
  readonly tcp: number[]
}

/** Registers and deletes tunnels one by one for so long, asking after each. */
export async function measureCommit(server: RunningServer, seconds: number): Promise<CommitFigures> {
  using client = await BrokerClient.ofServer(server, 1)
  const askers = Array.from({ length: UDP_SOCKETS }, () => new BlockingAsker('udp', server.port, TIMEOUT_MS))
  const registrants = new Registrants('commit', 0)
  using tcp = new BlockingAsker('tcp', server.port, TIMEOUT_MS)
  const active: number[] = []
  const times: GoneTimes = { gone: [], again: [], tcp: [] }
  let staleAnswers = 0
  const comeAndGo = async () => {
    const registrant = registrants.next()
    const { status, value } = await client.send('POST', '/api/v1/tunnels', { body: formOf(registrant) })
    if (status !== CREATED) throw new Error(`a registration was refused: ${JSON.stringify(value)}`)
    active.push(await untilActive(askers, registrant, String(value.ipv6_client)))
    await client.send('DELETE', `/api/v1/tunnels/${value.id}`, { key: String(value.key) })
    const turn = times.gone.length % UDP_SOCKETS
    const udp = [...askers.slice(turn), ...askers.slice(0, turn)]
    staleAnswers += askGone({ udp, tcp }, registrant, times)
  }
  await server.settle()
  await during(WARM_UP_MS, comeAndGo)
  for (const series of [active, times.gone, times.again, times.tcp]) series.length = 0
  await during(SUSTAINED * seconds * 1000, comeAndGo)
  for (const asker of askers) asker[Symbol.dispose]()
  return {
    deletions: times.gone.length,
    goneP50: percentile(times.gone, 0.5),
    goneP99: percentile(times.gone, 0.99),
    againP50: percentile(times.again, 0.5),
    againP99: percentile(times.again, 0.99),
    tcpP50: percentile(times.tcp, 0.5),
    tcpP99: percentile(times.tcp, 0.99),
    answers: times.gone.length * (UDP_SOCKETS + 2),
    staleAnswers,
    activeP50: percentile(active, 0.5),
    activeP99: percentile(active, 0.99),
  }
}

async function during(milliseconds: number, work: () => Promise<void>): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) await work()
}

async function untilActive(
  askers: readonly BlockingAsker[],
  { name }: Registrant,
  answer: string,
): Promise<number> {
  const started = performance.now()
  const question: Question = { name, type: 'AAAA', answer }
  const [asker] = askers
  while (performance.now() - started < TIMEOUT_MS) {
    if (asker !== undefined && isRight(question, asker.ask(question).reply)) break
    await sleep(ACTIVE_POLL_MS)
  }
  return performance.now() - started
}

/**
 * Asks for a name that the API has said is gone: on one UDP socket and there once more, on all the others, on TCP.
 * Returns how many answers were old ones, or none.
 */
function askGone(
  sockets: { readonly udp: readonly BlockingAsker[]; readonly tcp: BlockingAsker },
  { name }: Registrant,
  times: GoneTimes,
): number {
  const question: Question = { name, type: 'AAAA' }
  let wrong = 0
  const timed = (asker: BlockingAsker, series: number[]) => {
    const { reply, milliseconds } = asker.ask(question)
    if (!isRight(question, reply)) wrong++
    series.push(milliseconds)
  }
  const [first, ...others] = sockets.udp
  if (first === undefined) return wrong
  timed(first, times.gone)
  timed(first, times.again)
  for (const asker of others) timed(asker, [])
  timed(sockets.tcp, times.tcp)
  return wrong
}
