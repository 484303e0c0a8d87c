import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cores } from './cores.ts'
import type { RunningServer } from './running-server.ts'
import type { Table } from './table.ts'
import type { ExportedZone } from './zone-export.ts'

/** A server to be measured. */
export interface Contender {
  readonly name: string
  /** As its own program prints it. */
  readonly version: string
  /** Starts it with a table, and resolves when it has given its first right answer. */
  start(setting: Setting): Promise<RunningServer>
}

export interface Setting {
  readonly table: Table
  /** What the peers load; empty for those that need none. */
  readonly zones: readonly ExportedZone[]
  readonly threads: number
  readonly cores: Cores
}

const DIRECTORIES = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']

/** Where a program is, Debian's sbin included, which is not in every PATH. */
export function findProgram(name: string): string | undefined {
  const path = (process.env.PATH ?? '').split(':')
  return [...path, ...DIRECTORIES].map(directory => join(directory, name)).find(existsSync)
}

/** The first line that a program prints about its version, on whichever output. */
export function versionOf(program: string, argument: string): string {
  const shell = ['-c', 'exec 2>&1; exec "$0" "$1"', program, argument]
  let text: string
  try {
    text = execFileSync('sh', shell, { encoding: 'utf8' })
  } catch (error) {
    text = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
  }
  const line = text.split('\n').find(one => /[0-9]\.[0-9]/.test(one)) ?? 'unknown version'
  return line
    .replace(/^[A-Z][a-z]{2} [0-9 ]+[0-9:]+ /, '')
    .replace(/ \((?:C|Extended).*$/, '')
    .trim()
}
