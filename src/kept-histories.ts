import { join } from 'node:path'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { HistoryFile } from './observation/history-file.ts'
import type { Log } from './shared/log.ts'

/** A crash forgets what came in this time at most. */
const EVERY_MS = 3_600_000
const PAUSE_MS = 20
/** The process has to end in time, whatever the disk does: the file of the last hour stands then. */
const LAST_SAVE_MS = 2500

export interface KeptHistories {
  /** When those of the process before are there; never rejects. */
  readonly loaded: Promise<void>
  readonly stop: () => Promise<void>
}

/**
 * Takes the histories of the process before, while the service starts, and keeps them from then on: every hour, and at
 * the stop. A stop before they are read leaves the file as it is.
 */
export function keepHistories(
  { data_dir: directory }: Pick<Config, 'data_dir'>,
  { broker, log }: { readonly broker: Pick<Broker, 'history'>; readonly log: Log },
): KeptHistories {
  const { history } = broker
  const file = new HistoryFile({ file: join(directory, 'histories'), directory, history, log })
  const stopped = new AbortController()
  let isLoaded = false
  const loaded = file.load().then(() => {
    isLoaded = true
  })
  let saving: Promise<void> = loaded
  const timer = setInterval(() => {
    saving = saving.then(() => file.save({ pauseMs: PAUSE_MS, signal: stopped.signal }))
  }, EVERY_MS).unref()
  const stop = async () => {
    clearInterval(timer)
    stopped.abort()
    if (!isLoaded) return
    await saving
    if (history.size > 0) await file.save({ pauseMs: 0, signal: AbortSignal.timeout(LAST_SAVE_MS) })
  }
  return { loaded, stop }
}
