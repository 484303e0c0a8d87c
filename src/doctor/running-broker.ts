import { z } from 'zod'
import { parseIpv6 } from '../address/ipv6.ts'
import { reverseName } from '../address/reverse-name.ts'
import { ControlClient, NotRunning, ProcessSilent } from '../operator/control-client.ts'
import { lateReply, type Waiter } from '../operator/late-reply.ts'
import { type StatusReport, statusReport } from '../operator/status.ts'
import { tunnelReport } from '../operator/tunnel-report.ts'
import { plainName } from './consult.ts'
import type { Expectation } from './server-check.ts'

/** What the process that serves says of itself. */
export interface RunningBroker {
  readonly status: StatusReport
  /** Records that differed between DNS and the table when they were compared just now; 0 if they could not be. */
  readonly differences: number
  /** Interfaces that were not as the table has them. */
  readonly interfaces: number
  /** Why it could not compare them, or list its tunnels: a sentence each. */
  readonly refusals: readonly string[]
  /** Of a few tunnels. */
  readonly expectations: readonly Expectation[]
  /** Kinds of which a tunnel has answered in the last round. */
  readonly heard: ReadonlySet<string>
}

/** Tunnels whose names are asked for at every server. */
const SAMPLE_SIZE = 3
const LOOKED_AT = 500

const auditResult = z.object({ differences: z.int(), interfaces: z.int().default(0) })
const tunnelList = z.object({ tunnels: z.array(tunnelReport) })

/** Why the process behind a control socket says nothing: nobody listens there, or it gives no reply. */
export type Unasked = 'absent' | 'silent'

/**
 * Asks the process behind a control socket, which `holding` names if it is late. One that can't read its table still says
 * how it is. Rejects if it gives no reply that makes sense.
 */
export async function askRunningBroker(
  socket: string,
  holding: Waiter['process'] = () => undefined,
): Promise<RunningBroker | Unasked> {
  try {
    using control = await ControlClient.connect(socket)
    const client = { control, holding }
    const status = await send(client, 'status', {}, statusReport)
    if ('refusal' in status) throw new Error(`status: ${status.refusal}`)
    const audit = await send(client, 'audit', {}, auditResult)
    const list = await send(client, 'tunnel list', { state: 'active', limit: LOOKED_AT }, tunnelList)
    const { tunnels } = 'refusal' in list ? { tunnels: [] } : list
    return {
      status,
      ...('refusal' in audit ? { differences: 0, interfaces: 0 } : audit),
      refusals: [...new Set([audit, list].flatMap(reply => ('refusal' in reply ? [reply.refusal] : [])))],
      expectations: tunnels.slice(0, SAMPLE_SIZE).flatMap(expectationsOf),
      heard: kindsHeard(status, tunnels),
    }
  } catch (error) {
    if (error instanceof NotRunning) return 'absent'
    if (error instanceof ProcessSilent) return 'silent'
    throw error
  }
}

async function send<T extends z.ZodType>(
  { control, holding }: { readonly control: ControlClient; readonly holding: Waiter['process'] },
  command: string,
  parameters: object,
  result: T,
): Promise<z.output<T> | { readonly refusal: string }> {
  // An audit changes what it finds: once it was asked for nobody can say that nothing was done.
  const waiter = { isQuick: command !== 'audit', process: holding, say }
  const reply = await lateReply(control.send(command, parameters), waiter)
  return 'problem' in reply ? { refusal: reply.problem.detail } : result.parse(reply.value)
}

function say(line: string): void {
  process.stderr.write(`freenet6: ${line}\n`)
}

/** In a dry run tunnels are active without having been heard. */
function kindsHeard({ driver }: StatusReport, tunnels: z.output<typeof tunnelList>['tunnels']): Set<string> {
  return new Set(driver === 'dry-run' ? [] : tunnels.flatMap(({ kind }) => kind ?? []))
}

function expectationsOf({ name, ipv6_client: ipv6 }: z.output<typeof tunnelReport>): Expectation[] {
  const octets = parseIpv6(ipv6)
  if (octets === undefined) return []
  return [
    { name: plainName(name), type: 'AAAA', text: ipv6 },
    { name: plainName(reverseName(octets)), type: 'PTR', text: plainName(name) },
  ]
}
