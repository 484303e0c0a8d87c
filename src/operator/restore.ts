import { resolve } from 'node:path'
import { readConfig } from '../config/config.ts'
import { problem } from '../shared/problem.ts'
import { databaseFile } from '../store/database-file.ts'
import { Database } from '../store/sqlite/database.ts'
import { restoreBackup } from '../store/sqlite/restore.ts'
import { whenFree } from './database-wait.ts'
import { type CommandOptions, EXIT, type ExitCode, UsageMistake } from './exit.ts'
import { problemOfFault } from './fault-problem.ts'
import { documentOf } from './problem-document.ts'
import { misconfigured, printProblem } from './run-command.ts'

/** `restore FILE`: puts a backup in the place of the database, while no process serves it. Rejects with DatabaseFault if that can't be opened. */
export async function restore(file: string, options: CommandOptions): Promise<ExitCode> {
  if (file === '') throw new UsageMistake('restore takes FILE')
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return misconfigured(reading.mistakes, options)
  if (reading.config.demo)
    return misconfigured(['there is no configuration: restore changes no demo database'], options)
  const database = databaseFile(reading.config)
  const restoring = () =>
    Database.whileUnused(database, () => restoreBackup(resolve(file), database, { now: new Date() }))
  let old: string | undefined
  try {
    old = await whenFree(reading.config, restoring, { onWait: sayWaiting })
  } catch (error) {
    if (!(error instanceof Error) || problemOfFault(error) !== undefined) throw error
    return printProblem(documentOf([problem('restore-refused', { reason: error.message })]), options)
  }
  const report = { database, restored_from: resolve(file), old: old ?? null }
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : textOf(report))
  return EXIT.ok
}

function sayWaiting(pids: readonly number[]): void {
  process.stderr.write(
    `freenet6: another command (${pids.join(', ') || 'unknown'}) has the database: waiting for it\n`,
  )
}

function textOf({ database, old }: { readonly database: string; readonly old: string | null }): string {
  return `${database}: restored${old === null ? '' : `; what stood there is ${old} now`}\n`
}
