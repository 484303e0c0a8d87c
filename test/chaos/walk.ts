/**
 * The walk, inside namespaces of its own (see walks.test.ts): strikes with one fault after the other while visitors and
 * resolvers are at work, and says in the end what was wrong. Arguments: a directory, the seed, seconds.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dice } from '../peers/random/dice.ts'
import { Random } from '../peers/random.ts'
import { metric } from '../served/settled-memory.ts'
import { Askers } from './askers.ts'
import type { Fault, World } from './faults/fault.ts'
import { faultsOf } from './faults/faults.ts'
import { setLoopback } from './faults/link.ts'
import { Findings } from './findings.ts'
import { kernelModel, LAYOUTS } from './kernel-model.ts'
import { eventually, lookForTheLast } from './last-look.ts'
import { Ledger } from './ledger.ts'
import { lookForResidue } from './residue.ts'
import { Tools } from './tools.ts'
import { TriedBroker } from './tried-broker.ts'
import { Visitors } from './visitors.ts'

/** To look for the cause of something: walks through the faults alone whose names match. */
const FAULTS = new RegExp(process.env.FREENET6_CHAOS_FAULTS ?? '')
const SECONDS_A_FAULT = 4.5
const HOLD_MS = { least: 1000, more: 1500 } as const
/** The last faults strike a process that lives on to the end, so that what it keeps can be seen. */
const KILLS_END_AT = 0.7
const KILLS_IN_THE_MIDDLE = 0.2
const FIRST_TUNNELS = 20
/** The answering threads depend on nothing that can be struck while the process lives. */
const DNS = 'UDP queries answered'
const DISK = 'size=64m'

const [dir = '', seedText = '', secondsText = ''] = process.argv.slice(2)
const seconds = Number(secondsText)

setLoopback('up')
const data = join(dir, 'data')
mkdirSync(data)
execFileSync('mount', ['-t', 'tmpfs', '-o', DISK, 'data', data])
const dice = new Dice(new Random(Number(seedText)).below(2 ** 31)) // neighbouring seeds would begin alike
const layout = dice.pick(LAYOUTS)
const tools = await Tools.open(join(dir, 'tool'), join(dir, 'bin'), kernelModel(layout))
const broker = new TriedBroker({
  dir,
  tools: join(dir, 'bin'),
  layout,
  libraries: [join(dir, 'skew-clock.so'), join(dir, 'fail-io.so')],
})
const findings = new Findings()
const ledger = new Ledger()
const visitors = new Visitors({ broker, ledger, findings, dice: new Dice(dice.below(2 ** 31)) })
const askers = new Askers({ broker, ledger, findings, dice: new Dice(dice.below(2 ** 31)) })

process.stdout.write(`tunnel.layout = ${layout}\n`)
await broker.start()
await Promise.all(Array.from({ length: FIRST_TUNNELS }, () => visitors.register()))
await eventually(findings, 'the first answers', firstAnswersMissing)
await walk(faultsOf(Math.max(1, Math.round(seconds / SECONDS_A_FAULT)), { dice, match: FAULTS }))
await lookForTheLast({ broker, tools, ledger, findings, visitors, askers })
const { stderr } = broker.server // of the process that has seen the last faults
await lookForResidue(broker, findings)
await broker.stop()
tools.close()
process.stdout.write(`${findings.account()}\n`)
if (findings.wrong.length > 0) process.stdout.write(`${stderr.slice(-4000)}\n${findings.wrong.join('\n')}\n`)
process.exitCode = findings.wrong.length > 0 ? 1 : 0

/** Of those who never answered nobody can tell whose fault their silence is. */
async function firstAnswersMissing(): Promise<string | undefined> {
  const answered = await metric(broker.server, 'freenet6_monitor_last_round_tunnels{outcome="answered"}')
  return answered < FIRST_TUNNELS ? `${answered} have answered` : undefined
}

async function walk(faults: readonly Fault[]): Promise<void> {
  const ending = new AbortController()
  const { signal } = ending
  const people = [visitors.run(signal), visitors.run(signal), visitors.run(signal)]
  const resolvers = [askers.names(false, signal), askers.names(true, signal), askers.serials(signal)]
  const world = { broker, tools, dice }
  for (const [index, fault] of faults.entries()) {
    const isEarly = index < faults.length * KILLS_END_AT
    await suffer(fault, world, { isKilled: isEarly && fault.isSurvived && dice.chance(KILLS_IN_THE_MIDDLE) })
    if (!broker.isAsTold)
      throw new Error(`the broker ended by itself under: ${fault.name}\n${broker.server.stderr}`)
  }
  ending.abort()
  await Promise.all([...people, ...resolvers])
}

async function suffer(
  fault: Fault,
  world: World,
  { isKilled }: { readonly isKilled: boolean },
): Promise<void> {
  const startedAt = Date.now()
  process.stdout.write(`${fault.name}${isKilled ? ', and kill -9 in the middle' : ''}\n`)
  const answers = findings.of(DNS)
  const lift = await fault.strike(world)
  await sleep(HOLD_MS.least + dice.below(HOLD_MS.more))
  if (fault.isSurvived && findings.of(DNS) === answers) findings.add(`no ${DNS} under: ${fault.name}`)
  if (isKilled) await broker.kill()
  await lift()
  if (isKilled) await broker.start()
  await sleep(Math.max(0, startedAt + SECONDS_A_FAULT * 1000 - Date.now()))
}
