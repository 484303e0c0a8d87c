import { type IpOutcome, NOT_RUN, type RunIp, reasonOf } from './ip-command.ts'

/** What became of the lines of a batch. */
export interface BatchOutcome {
  /** Why a line failed, by its number from 1 on. */
  readonly faults: ReadonlyMap<number, string>
  /** Why the batch as a whole can't be trusted; undefined if every line was run. */
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

/**
 * Runs each target's lines, `batchTargets` in a batch. Returns the first reason for each that had one fail; if nobody
 * knows which lines were run, all of the batch have.
 */
export async function runLines<T>(
  run: RunIp,
  targets: readonly T[],
  {
    linesOf,
    batchTargets = Number.POSITIVE_INFINITY,
  }: { readonly linesOf: (target: T) => readonly string[]; readonly batchTargets?: number },
): Promise<Map<T, string>> {
  const reasons = new Map<T, string>()
  for (let first = 0; first < targets.length; first += batchTargets) {
    const batch = targets.slice(first, first + batchTargets)
    const lines = batch.map(linesOf)
    const { faults, trouble } = await runBatch(run, lines.flat())
    let number = 0
    for (const [index, target] of batch.entries()) {
      for (const _ of lines[index] ?? []) {
        const reason = faults.get(++number)
        if (reason !== undefined && !reasons.has(target)) reasons.set(target, reason)
      }
      if (trouble !== undefined && !reasons.has(target)) reasons.set(target, trouble)
    }
  }
  return reasons
}
