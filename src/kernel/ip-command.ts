import { ChildFault, runChild } from '../shared/child.ts'
import type { Link } from '../tunnel/interface.ts'

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

const NOT_RUN = -1
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
    `link add name ${link.device} mtu ${outer.mtu} up type sit ${outerOf(link, outer)}`,
    `address add ${link.ipv6Server}/${LINK_PREFIX_LENGTH} dev ${link.device}`,
    ...routedCommands(link, undefined),
  ]
}

/** The commands that make a link another one of the same device; `former` is what it was, if that is known. */
export function changeCommands(link: Link, former: Link | undefined, outer: Outer): readonly string[] {
  return [
    `link set dev ${link.device} type sit ${outerOf(link, outer)}`,
    ...routedCommands(link, former?.routedPrefix),
  ]
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

/** What became of the lines of a batch. */
export interface BatchOutcome {
  /** Why a line failed, by its number from 1 on. */
  readonly faults: ReadonlyMap<number, string>
  /** Why the batch as a whole can't be trusted; undefined where every line was run. */
  readonly trouble: string | undefined
}

/** Runs commands in one `ip -force -batch`: one that fails does not stop those after it. */
export async function runBatch(run: RunIp, commands: readonly string[]): Promise<BatchOutcome> {
  if (commands.length === 0) return { faults: new Map(), trouble: undefined }
  const outcome = await run(['-force', '-batch', '-'], `${commands.join('\n')}\n`)
  return batchOutcome(outcome)
}

const FAILED_LINE = /^Command failed .*:(\d+)$/

function batchOutcome({ status, stderr }: IpOutcome): BatchOutcome {
  const faults = new Map<number, string>()
  let words: string[] = []
  for (const line of stderr.split('\n')) {
    const [, number] = FAILED_LINE.exec(line) ?? []
    if (number === undefined) {
      words.push(line)
      continue
    }
    faults.set(Number(number), reasonOf(words.join('\n')))
    words = []
  }
  // After some mistakes in a line `ip` ends at once, without the sentence that gives its number.
  const endedEarly = status === NOT_RUN || (status !== 0 && (faults.size === 0 || words.some(isError)))
  return { faults, trouble: endedEarly ? reasonOf(words.join('\n')) : undefined }
}

function isError(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('Warning:')
}

/** The tool's words as one short line. */
export function reasonOf(stderr: string): string {
  const words = stderr
    .split('\n')
    .map(line => line.replace(/^RTNETLINK answers: /, '').trim())
    .filter(line => line !== '')
  return words.join('; ').slice(0, MAX_REASON_LENGTH) || 'ip failed without a word'
}
