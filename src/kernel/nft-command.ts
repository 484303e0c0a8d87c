import { ChildFault, runChild } from '../shared/child.ts'

/** What one call of `nft` said. A call that could not be run or did not end has a status other than 0, and says why. */
export interface NftOutcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `nft` with arguments, without a shell; `input` goes to its standard input. Never rejects. */
export type RunNft = (args: readonly string[], input?: string) => Promise<NftOutcome>

const NOT_RUN = -1
const DEADLINE_MS = 15_000
/** What reads or changes a whole set takes seconds with 100,000 tunnels. */
const WHOLE_DEADLINE_MS = 60_000
const WHOLE_INPUT_LENGTH = 64 * 1024
/** A listing takes about 80 octets an element. */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024
const MAX_REASON_LENGTH = 200

export const runNft: RunNft = async (args, input = '') => {
  try {
    const outcome = await runChild('nft', args, {
      input,
      deadlineMs: deadlineOf(args, input),
      maxOutputBytes: MAX_OUTPUT_BYTES,
    })
    if (outcome.end === 'exit') return { ...outcome, status: outcome.code ?? NOT_RUN }
    return { ...outcome, status: NOT_RUN, stderr: `nft was ended: ${outcome.end}` }
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return { status: NOT_RUN, stdout: '', stderr: error.message }
  }
}

/** Milliseconds after which a call is given up. One that hangs keeps all changes waiting that come after it. */
export function deadlineOf(args: readonly string[], input: string): number {
  const isWhole = args[0] === 'list' || input.length > WHOLE_INPUT_LENGTH // `-t list` reads no elements
  return isWhole ? WHOLE_DEADLINE_MS : DEADLINE_MS
}

/** Runs lines as one transaction: all of them or none. Returns why it was refused. */
export async function runTransaction(run: RunNft, lines: readonly string[]): Promise<string | undefined> {
  const { status, stderr } = await run(['-f', '-'], `${lines.join('\n')}\n`)
  if (status === 0) return undefined
  return (stderr.split('\n', 1)[0] || 'nft failed without a word').slice(0, MAX_REASON_LENGTH)
}

/** Removes those of these tables that there are, such as `ip6 freenet6`. Returns why that did not work. */
export async function removeTables(run: RunNft, tables: readonly string[]): Promise<string | undefined> {
  const { status, stdout } = await run(['list', 'tables'])
  if (status !== 0) return undefined // where nft can't be had there never was one
  const lines = stdout.split('\n')
  const there = tables.filter(table => lines.includes(`table ${table}`))
  if (there.length === 0) return undefined
  return runTransaction(
    run,
    there.map(table => `delete table ${table}`),
  )
}
