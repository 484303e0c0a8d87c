import { BrokerClient } from '../broker-client.ts'
import { runLoad, udpLoad } from '../generator.ts'
import type { RunningServer } from '../running-server.ts'
import { percentile } from '../statistics.ts'
import type { Table } from '../table.ts'

/** The landing page while nothing else is asked, and while a flood of DNS questions keeps the server's core busy. */
export interface WebFigures {
  readonly quiet: PageTimes
  readonly flooded: PageTimes
  /** DNS answers a second beside the pages. */
  readonly queriesASecond: number
}

/** Milliseconds. */
interface PageTimes {
  readonly pages: number
  readonly p50: number
  readonly p99: number
}

const OK = 200

/** One visitor who asks for the page again and again. */
export async function measureWeb(
  server: RunningServer,
  { table, seconds, core }: { readonly table: Table; readonly seconds: number; readonly core: string },
): Promise<WebFigures> {
  using client = await BrokerClient.ofServer(server, 1)
  await server.settle()
  await visitFor(client, 1) // the compiler has seen it
  const quiet = await visitFor(client, seconds)
  const load = runLoad(server, udpLoad(table.questions, seconds + 1, core))
  const flooded = await visitFor(client, seconds)
  return { quiet, flooded, queriesASecond: (await load).queriesASecond }
}

async function visitFor(client: BrokerClient, seconds: number): Promise<PageTimes> {
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const begun = performance.now()
    const status = await client.visit('/')
    if (status !== OK) throw new Error(`the landing page has status ${status}`)
    times.push(performance.now() - begun)
  }
  return { pages: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}
