import { join } from 'node:path'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { TurnoverFile } from './observation/turnover-file.ts'
import type { Log } from './shared/log.ts'

/** A crash forgets what came in this time at most. */
const EVERY_MS = 60_000

export interface KeptTurnover {
  /** When the counts of the process before are there; never rejects. */
  readonly loaded: Promise<void>
  readonly stop: () => Promise<void>
}

/** Takes the counts by day of the process before, and keeps them from then on: every minute, and at the stop. */
export function keepTurnover(
  { data_dir: directory }: Pick<Config, 'data_dir'>,
  { broker, log }: { readonly broker: Pick<Broker, 'turnover'>; readonly log: Log },
): KeptTurnover {
  const file = new TurnoverFile({ file: join(directory, 'turnover'), turnover: broker.turnover, log })
  const loaded = file.load()
  let saving: Promise<void> = loaded
  const save = () => {
    saving = saving.then(() => file.save())
    return saving
  }
  const timer = setInterval(save, EVERY_MS).unref()
  const stop = () => {
    clearInterval(timer)
    return save()
  }
  return { loaded, stop }
}
