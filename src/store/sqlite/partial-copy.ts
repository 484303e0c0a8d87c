import { rmSync } from 'node:fs'

/** What SQLite lays beside a database that it writes. */
const SUFFIXES = ['', '-journal', '-wal', '-shm']
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Does what writes a copy under a name of its own, and removes what is left of that in the end: where the disk is full too, or
 * the process is told to end meanwhile. It would fill the disk, and nobody knows its name.
 */
export async function withPartial<Result>(partial: string, work: () => Promise<Result>): Promise<Result> {
  const remove = () => {
    for (const suffix of SUFFIXES) rmSync(partial + suffix, { force: true })
  }
  const onSignal = (signal: NodeJS.Signals) => {
    remove()
    forget()
    process.kill(process.pid, signal) // a command ends by it, and a service has its own way
  }
  const forget = () => {
    process.off('exit', remove)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  process.on('exit', remove)
  for (const signal of SIGNALS) process.on(signal, onSignal)
  try {
    return await work()
  } finally {
    forget()
    remove()
  }
}
