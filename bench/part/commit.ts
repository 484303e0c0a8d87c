import { setTimeout as sleep } from 'node:timers/promises'
import { BrokerClient } from '../broker-client.ts'
import { askTcp, isRight, type Question, UdpAsker } from '../question.ts'
import { formOf, type Registrant, Registrants } from '../registrant.ts'
import type { RunningServer } from '../running-server.ts'
import { percentile } from '../statistics.ts'

/** How long after a commit the right answer comes, on several UDP sockets and on TCP. */
export interface CommitFigures {
  readonly deletions: number
  /** From the API's answer to a deletion to the last of the right answers, round trip included; milliseconds. */
  readonly goneP50: number
  readonly goneP99: number
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

/** Registers and deletes tunnels one by one for so long, asking after each. */
export async function measureCommit(server: RunningServer, seconds: number): Promise<CommitFigures> {
  using client = await BrokerClient.ofServer(server, 1)
  const askers = Array.from({ length: UDP_SOCKETS }, () => new UdpAsker(server.port))
  const registrants = new Registrants('commit', 0)
  const active: number[] = []
  const gone: number[] = []
  let staleAnswers = 0
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const registrant = registrants.next()
    const { status, value } = await client.send('POST', '/api/v1/tunnels', { body: formOf(registrant) })
    if (status !== CREATED) throw new Error(`a registration was refused: ${JSON.stringify(value)}`)
    active.push(await untilActive(askers, registrant, String(value.ipv6_client)))
    await client.send('DELETE', `/api/v1/tunnels/${value.id}`, { key: String(value.key) })
    const { milliseconds, stale } = await untilGone(askers, server.port, registrant)
    gone.push(milliseconds)
    staleAnswers += stale
  }
  for (const asker of askers) asker[Symbol.dispose]()
  return {
    deletions: gone.length,
    goneP50: percentile(gone, 0.5),
    goneP99: percentile(gone, 0.99),
    staleAnswers,
    activeP50: percentile(active, 0.5),
    activeP99: percentile(active, 0.99),
  }
}

async function untilActive(
  askers: readonly UdpAsker[],
  { name }: Registrant,
  answer: string,
): Promise<number> {
  const started = performance.now()
  const question: Question = { name, type: 'AAAA', answer }
  const [asker] = askers
  while (performance.now() - started < TIMEOUT_MS) {
    if (asker !== undefined && isRight(question, await asker.ask(question, TIMEOUT_MS))) break
    await sleep(ACTIVE_POLL_MS)
  }
  return performance.now() - started
}

async function untilGone(
  askers: readonly UdpAsker[],
  port: number,
  { name }: Registrant,
): Promise<{ readonly milliseconds: number; readonly stale: number }> {
  const question: Question = { name, type: 'AAAA' }
  const started = performance.now()
  const over = (ask: () => ReturnType<typeof askTcp>) => answeredGone(question, ask)
  const sockets = askers.map(asker => over(() => asker.ask(question, TIMEOUT_MS)))
  const wrong = await Promise.all([...sockets, over(() => askTcp(port, question, TIMEOUT_MS))])
  return { milliseconds: performance.now() - started, stale: wrong.reduce((sum, one) => sum + one, 0) }
}

/** Asks until the name is gone; returns how often it was not. */
async function answeredGone(question: Question, ask: () => ReturnType<typeof askTcp>): Promise<number> {
  const started = performance.now()
  for (let stale = 0; ; stale++) {
    if (isRight(question, await ask()) || performance.now() - started > TIMEOUT_MS) return stale
  }
}
