import { ChildFault, runChild } from '../shared/child.ts'
import { type Link, smallerMtu } from '../tunnel/interface.ts'

/** What one call of `ip` said. A call that could not be run or did not end has a status other than 0, and says why. */
export interface IpOutcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `ip` with arguments, without a shell; `input` goes to its standard input. Never rejects. */
export type RunIp = (args: readonly string[], input?: string) => Promise<IpOutcome>

/** The server's own side of every link. */
export interface Outer {
  readonly serverIpv4: string
  readonly mtu: number
}

export const LINK_TTL = 64
/** Marks the routes that are ours (`ip route`'s protocol); those of others are never touched. */
export const ROUTE_PROTOCOL = '246'
export const LINK_PREFIX_LENGTH = 64

/** The status of a call that has none of its own. */
export const NOT_RUN = -1
const DEADLINE_MS = 15_000
/** The kernel waits for its readers at each removal. */
const DEADLINE_MS_A_LINE = 50
/** A listing takes about 1 KB a link. */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024
const MAX_REASON_LENGTH = 200

export const runIp: RunIp = async (args, input = '') => {
  const lines = input.split('\n').length
  try {
    const outcome = await runChild('ip', args, {
      input,
      deadlineMs: DEADLINE_MS + lines * DEADLINE_MS_A_LINE,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    })
    if (outcome.end === 'exit') return { ...outcome, status: outcome.code ?? NOT_RUN }
    return { ...outcome, status: NOT_RUN, stderr: `${outcome.stderr}ip was ended: ${outcome.end}` }
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return { status: NOT_RUN, stdout: '', stderr: error.message }
  }
}

/** The commands that make a link complete, in their order. */
export function addCommands(link: Link, outer: Outer): readonly string[] {
  return [
    `link add name ${link.device} mtu ${mtuOf(link, outer)} up type sit ${outerOf(link, outer)}`,
    `address add ${link.ipv6Server}/${LINK_PREFIX_LENGTH} dev ${link.device}`,
    ...routedCommands(link, undefined),
  ]
}

/** The commands that make a link another one of the same device; `former` is what it was, if that is known. */
export function changeCommands(link: Link, former: Link | undefined, outer: Outer): readonly string[] {
  return [
    `link set dev ${link.device} type sit ${outerOf(link, outer)}`,
    ...(link.mtu === former?.mtu ? [] : [`link set dev ${link.device} mtu ${mtuOf(link, outer)}`]),
    ...routedCommands(link, former?.routedPrefix),
  ]
}

/** Octets of the largest packet that a link takes: never more than others. */
export function mtuOf(link: Link, outer: { readonly mtu: number }): number {
  return smallerMtu(link, outer.mtu) ?? outer.mtu
}

function routedCommands({ device, routedPrefix }: Link, former: string | undefined): readonly string[] {
  const route = (verb: string, prefix: string) =>
    `route ${verb} ${prefix} dev ${device} proto ${ROUTE_PROTOCOL}`
  return [
    ...(routedPrefix === undefined ? [] : [route('replace', routedPrefix)]),
    ...(former === undefined || former === routedPrefix ? [] : [route('del', former)]),
  ]
}

/** By the tunnel's own call, which other kinds of device refuse: a foreign device of that name stays. */
export function deleteCommand(device: string): string {
  return `tunnel del ${device}`
}

function outerOf(link: Link, outer: Outer): string {
  // Without a mode the kernel would take IPv4 and MPLS out of the tunnel too.
  return `mode ip6ip remote ${link.ipv4Client} local ${outer.serverIpv4} ttl ${LINK_TTL}`
}

/** The tool's words as one short line. */
export function reasonOf(stderr: string): string {
  const words = stderr
    .split('\n')
    .map(line => line.replace(/^RTNETLINK answers: /, '').trim())
    .filter(line => line !== '')
  return words.join('; ').slice(0, MAX_REASON_LENGTH) || 'ip failed without a word'
}
