import { reasonOf } from '../../kernel/ip-command.ts'
import { ChildFault, runChild } from '../../shared/child.ts'

/** What one call of `wg` gave: its output, or why it failed. */
type WgOutcome =
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Runs `wg` with arguments, without a shell. Never rejects. */
export type RunWg = (args: readonly string[]) => Promise<WgOutcome>

const DEADLINE_MS = 15_000
/** What goes through all peers takes seconds with 100,000 of them. */
const WHOLE_DEADLINE_MS = 60_000
/** A dump takes about 150 octets a peer. */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

export const runWg: RunWg = async args => {
  try {
    const { end, code, stdout, stderr } = await runChild('wg', args, {
      deadlineMs: deadlineOf(args),
      maxOutputBytes: MAX_OUTPUT_BYTES,
    })
    if (end === 'exit' && code === 0) return { kind: 'done', output: stdout }
    return { kind: 'failed', reason: `wg: ${end === 'exit' ? reasonOf(stderr) : end}` }
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return { kind: 'failed', reason: error.message }
  }
}

/** Milliseconds after which a call is given up. One that hangs keeps all changes waiting that come after it. */
export function deadlineOf(args: readonly string[]): number {
  return args[0] === 'syncconf' || args.at(-1) === 'dump' ? WHOLE_DEADLINE_MS : DEADLINE_MS
}
