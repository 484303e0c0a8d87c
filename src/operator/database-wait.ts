import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { lockFile } from '../store/database-file.ts'
import { DatabaseFault } from '../store/sqlite/database-fault.ts'
import { lockHolders } from '../store/sqlite/lock-holders.ts'
import { ControlClient } from './control-client.ts'

/** A command without a process has the database for a second or two; a whole backup of many tunnels takes longer. */
const PATIENCE_MS = 10_000
const POLL_MS = 100

/**
 * Makes an attempt to open the database, again and again while another command has it: that is soon over. Rejects with
 * DatabaseFault if it is not, and at once if the process that has it serves. `onWait` is called once, with the
 * processes that have it as far as the system tells.
 */
export async function whenFree<T>(
  config: Pick<Config, 'control' | 'data_dir'>,
  attempt: () => T | Promise<T>,
  { onWait, isSuccessor = false }: { onWait: (pids: readonly number[]) => void; isSuccessor?: boolean },
): Promise<T> {
  const isServed = async () => !isSuccessor && (await hasListener(config.control.socket)) // the former one listens still
  for (let began: number | undefined; ; await sleep(POLL_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isLocked(error) || isOver(began) || (await isServed())) throw error
      if (began === undefined) onWait(lockHolders(lockFile(config)))
      began ??= performance.now()
    }
  }
}

/** Whether an error is that another process has the database. */
export function isLocked(error: unknown): boolean {
  return error instanceof DatabaseFault && error.code === 'database-locked'
}

function isOver(began: number | undefined): boolean {
  return began !== undefined && performance.now() - began > PATIENCE_MS
}

async function hasListener(socket: string): Promise<boolean> {
  try {
    using _ = await ControlClient.connect(socket)
    return true
  } catch {
    return false
  }
}
