import { reasonOf } from '../../kernel/ip-command.ts'
import { ChildFault, runChild } from '../../shared/child.ts'

/** What one call of `wg` gave: its output, or why it failed. */
type WgOutcome =
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** Runs `wg` with arguments, without a shell. Never rejects. */
export type RunWg = (args: readonly string[]) => Promise<WgOutcome>

const DEADLINE_MS = 60_000
/** A dump takes about 150 octets a peer. */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

export const runWg: RunWg = async args => {
  try {
    const { end, code, stdout, stderr } = await runChild('wg', args, {
      deadlineMs: DEADLINE_MS,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    })
    if (end === 'exit' && code === 0) return { kind: 'done', output: stdout }
    return { kind: 'failed', reason: `wg: ${end === 'exit' ? reasonOf(stderr) : end}` }
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return { kind: 'failed', reason: error.message }
  }
}
