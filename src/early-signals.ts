import { EXIT } from './operator/exit.ts'

let isReloadDue = false
const end = () => process.exit(EXIT.ok)
const noteReload = () => {
  isReloadDue = true
}

/**
 * Keeps a signal from killing a service that is still loading: a stop ends it as any other does, and a reload is
 * remembered: some of the files may have been read already.
 */
export function holdSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
  process.on('SIGHUP', noteReload)
}

/** Leaves the signals to the listeners that have come since. Returns whether files are to be read again. */
export function releaseSignals(): boolean {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end)
  process.off('SIGHUP', noteReload)
  return isReloadDue
}
