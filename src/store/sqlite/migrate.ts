import type { DatabaseSync } from 'node:sqlite'
import { DatabaseFault } from './database-fault.ts'
import { MIGRATIONS } from './migrations.ts'

/** The second schema copies rowids. The very first tables, which had the same number, were made without. */
const ROWIDS_FOR_THE_SECOND = `
  CREATE TABLE tunnels_with_rowids AS SELECT * FROM tunnels ORDER BY creation_time;
  DROP TABLE tunnels;
  ALTER TABLE tunnels_with_rowids RENAME TO tunnels;
`

/** Brings the schema up to date, a version a transaction. Throws DatabaseFault if nothing can be done from here. */
export function migrate(connection: DatabaseSync, file: string): void {
  const version = Number(connection.prepare('PRAGMA user_version').get()?.user_version)
  if (version > MIGRATIONS.length) {
    throw new DatabaseFault(
      'database-newer',
      `the database has schema ${version}, this program knows up to ${MIGRATIONS.length}: run the program that wrote it`,
    )
  }
  if (version === 0 && has(connection, 'tunnels')) {
    throw new DatabaseFault(
      'database-unreadable',
      `${file} has tunnels and no number of its schema, as what .dump of sqlite3 has copied: give it that of the database that it is a copy of (sqlite3 ${file} 'PRAGMA user_version = ${MIGRATIONS.length}', if this program wrote that)`,
    )
  }
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue
    const before = index === 1 && isWithoutRowids(connection) ? ROWIDS_FOR_THE_SECOND : ''
    connection.exec(`BEGIN IMMEDIATE; ${before} ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`)
  }
}

function has(connection: DatabaseSync, table: string): boolean {
  return connection.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined
}

function isWithoutRowids(connection: DatabaseSync): boolean {
  return connection.prepare("SELECT 1 FROM pragma_table_list('tunnels') WHERE wr = 1").get() !== undefined
}
