import type { CommandReply } from './command.ts'
import { ProcessSilent } from './control-client.ts'
import type { HoldingProcess } from './holding-process.ts'

/** A reply that is read from memory comes within a moment; an echo, a backup or a restart takes seconds. */
const SAID_AFTER_MS = 5000
/** A process that has given none by then hangs; of one that was to change something nobody knows what it will do. */
const GIVEN_UP_AFTER_MS = 30_000
const SECOND_MS = 1000

/** Who waits for the reply to a command. */
export interface Waiter {
  /** Whether the reply is given up: one to a command that only reads, and needs nothing for it but memory. */
  readonly isQuick: boolean
  /** The process that is asked, as far as that is known. */
  readonly process: () => HoldingProcess | undefined
  /** Tells the person who waits. */
  readonly say: (line: string) => void
}

/** Waits for a reply, and says so if it is late. Rejects with ProcessSilent if it is given up. */
export async function lateReply(reply: Promise<CommandReply>, waiter: Waiter): Promise<CommandReply> {
  const { isQuick, process, say } = waiter
  const { promise: silence, reject } = Promise.withResolvers<never>()
  const first = setTimeout(() => say(waiting(process())), SAID_AFTER_MS)
  const last = setTimeout(() => {
    const seconds = GIVEN_UP_AFTER_MS / SECOND_MS
    if (isQuick) reject(new ProcessSilent(seconds, process()?.pid))
    else say(stillWaiting(process(), seconds))
  }, GIVEN_UP_AFTER_MS)
  try {
    return await Promise.race([reply, silence])
  } finally {
    clearTimeout(first)
    clearTimeout(last)
  }
}

function waiting(holding: HoldingProcess | undefined): string {
  if (holding?.isStopped) return `${named(holding)} is stopped: kill -CONT ${holding.pid} lets it go on`
  return `no reply from ${named(holding)} yet: waiting for it`
}

function stillWaiting(holding: HoldingProcess | undefined, seconds: number): string {
  return `no reply from ${named(holding)} for ${seconds} seconds: it may still do what was asked, so look before you ask again`
}

function named(holding: HoldingProcess | undefined): string {
  return holding === undefined ? 'the running process' : `process ${holding.pid}`
}
