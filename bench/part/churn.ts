import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlClient } from '../../src/operator/control-client.ts'
import { type LoadFigures, runLoad, udpLoad } from '../generator.ts'
import { isRight, UdpAsker } from '../question.ts'
import { formOf, type Registrant, Registrants } from '../registrant.ts'
import type { RunningServer } from '../running-server.ts'
import { questionMix, type Table } from '../table.ts'

/** The same load with and without changes of the table. */
export interface ChurnFigures {
  readonly quiet: LoadFigures
  readonly churning: LoadFigures
  /** Names that appeared or vanished a second, as it came out. */
  readonly changesASecond: number
  /** CPU microseconds of the thread that writes, a change. */
  readonly changeMicroseconds: number
  /** Questions beside the load about names that stay, and how many of their answers were wrong or missing. */
  readonly checked: number
  readonly wrong: number
}

export const CHANGES_A_SECOND = 1000
/** Many, because each waits for its share of the core that the load keeps busy. */
const MOST_UNDER_WAY = 64
const TICK_MS = 5
/** Changes go on for so long before they are measured. */
const WARM_UP_MS = 2000
const CHECK_PAUSE_MS = 2
const CHECK_TIMEOUT_MS = 1000
const CHECK_QUESTIONS = 10_000

/** Loads the server, and again while tunnels come and go through its control socket, a commit each. */
export async function measureChurn(
  server: RunningServer,
  { table, seconds, core }: { readonly table: Table; readonly seconds: number; readonly core: string },
): Promise<ChurnFigures> {
  await server.printed(/^ready /m) // the control socket is there
  await server.settle()
  const load = udpLoad(table.questions, seconds, core)
  await runLoad(server, { ...load, seconds: 1 })
  const quiet = await runLoad(server, load)
  const stop = new AbortController()
  const checker = checkSteadyNames(server, table, stop.signal)
  using client = await ControlClient.connect(join(table.directory, 'data', 'control.sock'))
  const churn = new Churn(client)
  const churned = churn.run(stop.signal)
  await sleep(WARM_UP_MS)
  const before = churn.changes
  const started = performance.now()
  const churning = await runLoad(server, load)
  const changes = churn.changes - before
  const changesASecond = changes / ((performance.now() - started) / 1000)
  const changeMicroseconds = (churning.mainSeconds * 1e6) / changes
  stop.abort()
  await churned
  return { quiet, churning, changesASecond, changeMicroseconds, ...(await checker) }
}

/** Registers and deletes tunnels at a steady rate, the oldest first. */
export class Churn {
  changes = 0
  readonly #client: ControlClient
  readonly #registrants = new Registrants('churn', 1)
  readonly #there: Registrant[] = []
  #underWay = 0

  constructor(client: ControlClient) {
    this.#client = client
  }

  async run(signal: AbortSignal): Promise<void> {
    const started = performance.now()
    for (let begun = 0; !signal.aborted; ) {
      const due = ((performance.now() - started) / 1000) * CHANGES_A_SECOND
      for (; begun < due && this.#underWay < MOST_UNDER_WAY; begun++) this.#begin(begun % 2 === 0)
      await sleep(TICK_MS)
    }
    while (this.#underWay > 0) await sleep(TICK_MS)
  }

  #begin(isAddition: boolean): void {
    this.#underWay++
    const change = isAddition ? this.#add() : this.#remove()
    change.catch(() => undefined).finally(() => this.#underWay--)
  }

  async #add(): Promise<void> {
    const registrant = this.#registrants.next()
    await this.#command('tunnel add', formOf(registrant))
    this.#there.push(registrant)
    this.changes++
  }

  async #remove(): Promise<void> {
    const registrant = this.#there.shift()
    if (registrant === undefined) return
    await this.#command('tunnel delete', { reference: registrant.name })
    this.changes++
  }

  async #command(command: string, parameters: object): Promise<void> {
    const reply = await this.#client.send(command, parameters)
    if ('value' in reply) return
    throw new Error(`${command} was refused: ${JSON.stringify(reply)}`)
  }
}

async function checkSteadyNames(
  server: RunningServer,
  table: Table,
  signal: AbortSignal,
): Promise<{ readonly checked: number; readonly wrong: number }> {
  using asker = new UdpAsker(server.port)
  const questions = questionMix(table.tunnels, CHECK_QUESTIONS)
  let checked = 0
  let wrong = 0
  while (!signal.aborted) {
    const question = questions[checked++ % questions.length]
    if (question === undefined) break
    if (!isRight(question, await asker.ask(question, CHECK_TIMEOUT_MS))) wrong++
    await sleep(CHECK_PAUSE_MS)
  }
  return { checked, wrong }
}
