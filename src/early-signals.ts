import { EXIT } from './operator/exit.ts'

const end = () => process.exit(EXIT.ok)
const ignore = () => undefined

/**
 * Keeps a signal from killing a service that is still loading: a stop ends it as any other does, and a reload is ignored:
 * files are about to be read.
 */
export function holdSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
  process.on('SIGHUP', ignore)
}

/** Leaves the signals to the listeners that have come since. */
export function releaseSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end)
  process.off('SIGHUP', ignore)
}
