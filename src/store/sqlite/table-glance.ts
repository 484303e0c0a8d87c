import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { isThere } from '../../shared/denial.ts'
import { asFault, DatabaseFault } from './database-fault.ts'
import { assertNotLost } from './made-mark.ts'
import { MIGRATIONS } from './migrations.ts'
import { type Columns, isBroken, type RowRules, readRow, SELECTED } from './row-rules.ts'

/** Rows read in one call: a long read would keep the log of a process that serves from being brought in. */
const SLICE = 1000
/** Enough to tell what a mistake takes; a successor that looks is waited for. */
const MOST_ROWS = 500_000

/** What a database holds, as far as somebody can tell who only looks at it. */
export type TableGlance =
  | { readonly kind: 'absent' }
  /** A start brings its schema up to date. */
  | { readonly kind: 'older' }
  /** `reason` is a sentence. */
  | { readonly kind: 'unread'; readonly reason: string }
  | {
      readonly kind: 'table'
      /** Those of tunnels that are not dormant, of half a million at most. */
      readonly rows: number
      /** How many of these are broken by the rules, by the reason; rows of a kind that is not offered are not. */
      readonly unusable: ReadonlyMap<string, number>
      /** By name, those that were asked for and are there. */
      readonly secrets: ReadonlyMap<string, string>
    }

/**
 * Looks at a database that a process may be serving: nothing is locked for others, written or made. Not for a process that
 * has the database open itself. Never throws.
 */
export function glanceAt(
  file: string,
  { rules, secrets }: { readonly rules: RowRules; readonly secrets: readonly string[] },
): TableGlance {
  try {
    assertNotLost(file, `${file}.lock`)
    if (!isThere(file)) return { kind: 'absent' }
    const connection = openToLook(file)
    try {
      const version = Number(connection.prepare('PRAGMA user_version').get()?.user_version)
      if (version < MIGRATIONS.length) return { kind: version === 0 ? 'absent' : 'older' }
      const rows = countRows(connection, rules)
      return { kind: 'table', ...rows, secrets: readSecrets(connection, secrets) }
    } finally {
      connection.close()
    }
  } catch (error) {
    return { kind: 'unread', reason: reasonOf(error, file) }
  }
}

/**
 * A database without a log is nobody's at the moment: 'immutable' keeps SQLite from making one. The index of a log belongs
 * to whoever serves, and is read as it is.
 */
function openToLook(file: string): DatabaseSync {
  const url = pathToFileURL(file)
  url.search = existsSync(`${file}-wal`) ? 'readonly_shm=1' : 'immutable=1'
  return new DatabaseSync(url, { readOnly: true })
}

function countRows(connection: DatabaseSync, rules: RowRules) {
  const slice = connection.prepare(
    `SELECT ${SELECTED}, rowid FROM tunnels WHERE rowid > ? ORDER BY rowid LIMIT ${SLICE}`,
  )
  slice.setReturnArrays(true)
  const unusable = new Map<string, number>()
  let rows = 0
  for (let from: unknown = 0; from !== undefined && rows < MOST_ROWS; ) {
    const read = slice.all(from as number) as unknown as readonly Columns[]
    for (const columns of read) {
      const row = readRow(columns, rules)
      if (isBroken(row) && row.unofferedKind === undefined)
        unusable.set(row.reason, (unusable.get(row.reason) ?? 0) + 1)
    }
    rows += read.length
    from = read.at(-1)?.at(-1)
  }
  return { rows, unusable }
}

function readSecrets(connection: DatabaseSync, names: readonly string[]): ReadonlyMap<string, string> {
  const secret = connection.prepare('SELECT value FROM secrets WHERE name = ?')
  return new Map(
    names.flatMap(name => {
      const row = secret.get(name)
      return row === undefined ? [] : [[name, String(row.value)] as const]
    }),
  )
}

function reasonOf(error: unknown, file: string): string {
  return (error instanceof DatabaseFault ? error : asFault(error, file)).message
}
