import { setTimeout as sleep } from 'node:timers/promises'
import { BrokerClient } from '../broker-client.ts'
import { isRight, UdpAsker } from '../question.ts'
import { formOf, Registrants } from '../registrant.ts'
import type { RunningServer } from '../running-server.ts'
import { percentile } from '../statistics.ts'
import { questionMix } from '../table.ts'

/** Registrations through the API, each durable when it is answered. */
export interface RegisterFigures {
  readonly registrations: number
  readonly refused: number
  readonly aSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** DNS questions asked beside them, how many went wrong, and how long the answers took in milliseconds. */
  readonly probes: number
  readonly wrongProbes: number
  readonly probeP50: number
  readonly probeP99: number
}

export const CLIENTS = 8
const PROBE_PAUSE_MS = 2
const PROBE_TIMEOUT_MS = 1000
const PROBE_QUESTIONS = 10_000
const CREATED = 201
/** Not counted: the compiler has seen it all by then. */
const WARM_UP_SECONDS = 2
/** It goes on for so many times a measurement's length: what lasts is asked for. */
const SUSTAINED = 4

/** Eight clients register as fast as they are answered, while DNS is asked. */
export async function measureRegistrations(
  server: RunningServer,
  { tunnels, seconds }: { readonly tunnels: number; readonly seconds: number },
): Promise<RegisterFigures> {
  using client = await BrokerClient.ofServer(server, CLIENTS)
  await server.settle()
  const registrants = new Registrants('register', 2)
  const times: number[] = []
  let refused = 0
  let end = performance.now() + WARM_UP_SECONDS * 1000
  const register = async () => {
    while (performance.now() < end) {
      const begun = performance.now()
      const { status } = await client.send('POST', '/api/v1/tunnels', { body: formOf(registrants.next()) })
      times.push(performance.now() - begun)
      if (status !== CREATED) refused++
    }
  }
  const registerAll = () => Promise.all(Array.from({ length: CLIENTS }, register))
  await registerAll()
  times.length = 0
  refused = 0
  const started = performance.now()
  end = started + seconds * SUSTAINED * 1000
  const probing = probe(server, tunnels, end)
  await registerAll()
  const took = (performance.now() - started) / 1000
  return {
    registrations: times.length,
    refused,
    aSecond: (times.length - refused) / took,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    ...(await probing),
  }
}

async function probe(server: RunningServer, tunnels: number, end: number) {
  using asker = new UdpAsker(server.port)
  const questions = questionMix(tunnels, PROBE_QUESTIONS)
  const times: number[] = []
  let wrongProbes = 0
  while (performance.now() < end) {
    const question = questions[times.length % questions.length]
    if (question === undefined) break
    const begun = performance.now()
    if (!isRight(question, await asker.ask(question, PROBE_TIMEOUT_MS))) wrongProbes++
    times.push(performance.now() - begun)
    await sleep(PROBE_PAUSE_MS)
  }
  const probeP50 = percentile(times, 0.5)
  return { probes: times.length, wrongProbes, probeP50, probeP99: percentile(times, 0.99) }
}
