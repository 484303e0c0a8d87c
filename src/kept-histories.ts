import { join } from 'node:path'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { HistoryFile } from './observation/history-file.ts'
import type { Log } from './shared/log.ts'

/** A crash forgets so much at most. */
const EVERY_MS = 3_600_000
const PAUSE_MS = 20
/** The process has to end in time, whatever the disk does: the file of the last hour stands then. */
const LAST_SAVE_MS = 2500

/** Takes the histories of the process before, and keeps them from now on: every hour, and when the returned is called. */
export async function keepHistories(
  { data_dir: directory }: Pick<Config, 'data_dir'>,
  { broker, log }: { readonly broker: Pick<Broker, 'history'>; readonly log: Log },
): Promise<() => Promise<void>> {
  const file = new HistoryFile({
    file: join(directory, 'histories'),
    directory,
    history: broker.history,
    log,
  })
  await file.load()
  const stopped = new AbortController()
  let saving: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    saving = saving.then(() => file.save({ pauseMs: PAUSE_MS, signal: stopped.signal }))
  }, EVERY_MS).unref()
  return async () => {
    clearInterval(timer)
    stopped.abort()
    await saving
    if (broker.history.size > 0) await file.save({ pauseMs: 0, signal: AbortSignal.timeout(LAST_SAVE_MS) })
  }
}
