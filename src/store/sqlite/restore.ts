import { accessSync, constants, existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { MIGRATIONS } from './migrations.ts'
import { makeForOwner } from './owner.ts'
import { withPartial } from './partial-copy.ts'
import { type RestoreTimes, serialAfter, serialAfterLoss } from './restored-serial.ts'
import { BackupFault, makeWhole, SUFFIXES, syncFile } from './whole-copy.ts'

/**
 * Puts a backup in the place of a database that no process has open. What stood there is renamed, never deleted. The
 * serials jump ahead: secondaries have seen later ones than the backup knows. Returns where the old database is now.
 * Throws BackupFault if the file is no sound database of a schema that this program knows.
 */
export async function restoreBackup(
  file: string,
  database: string,
  { now }: { readonly now: Date },
): Promise<string | undefined> {
  const partial = `${database}.partial`
  return withPartial(partial, () => putInPlace(file, database, { partial, now }))
}

async function putInPlace(
  file: string,
  database: string,
  { partial, now }: { readonly partial: string; readonly now: Date },
): Promise<string | undefined> {
  rmSync(partial, { force: true })
  rmSync(`${partial}-journal`, { force: true }) // SQLite would play it back into the new one
  const source = openSound(file)
  try {
    if (!makeForOwner(partial)) throw new BackupFault(`${partial} is there: another restore is under way`)
    await backup(source, partial)
  } finally {
    source.close()
  }
  advanceSerials(partial, { replaced: serialsOf(database), now })
  makeWhole(partial) // what the disk does not take is known before the database leaves its place
  // A log without its database would be laid over the one that is restored.
  const isThere = SUFFIXES.some(suffix => existsSync(database + suffix))
  const old = isThere ? `${database}.${now.toISOString().replaceAll(':', '')}` : undefined
  if (old !== undefined) renameAll(database, old)
  try {
    renameSync(partial, database)
  } catch (error) {
    if (old !== undefined) renameAll(old, database)
    throw error
  }
  syncFile(dirname(database))
  return old
}

/** A database with its log and the index of that. */
function renameAll(from: string, to: string): void {
  for (const suffix of SUFFIXES) if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix)
}

/**
 * A database without a log beside it is whole by itself: SQLite is told that nothing changes it, or it would make an index
 * of the log where a backup may lie on a medium that is not written to.
 */
function whole(file: string): string | URL {
  if (existsSync(`${file}-wal`)) return file
  const url = pathToFileURL(file)
  url.searchParams.set('immutable', '1')
  return url
}

/** SQLite says of what it may not read only that it can't open it. */
function assertReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw new BackupFault(`${file}: there is no such file`)
    const reason = error instanceof Error ? error.message : String(error)
    throw new BackupFault(`${file} can't be read: ${reason}`, { cause: error })
  }
}

function openSound(file: string): DatabaseSync {
  assertReadable(file)
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(whole(file), { readOnly: true })
    const findings = connection
      .prepare('PRAGMA integrity_check')
      .all()
      .map(row => row.integrity_check)
    if (findings[0] !== 'ok') throw new BackupFault(`${file} is damaged: ${findings.slice(0, 3).join('; ')}`)
    const version = Number(connection.prepare('PRAGMA user_version').get()?.user_version)
    if (version < 1 || version > MIGRATIONS.length)
      throw new BackupFault(`${file} has schema ${version}: this program knows 1 to ${MIGRATIONS.length}`)
    connection.prepare('SELECT count(*) FROM tunnels').get()
    return connection
  } catch (error) {
    connection?.close()
    if (error instanceof BackupFault) throw error
    throw new BackupFault(`${file} is no backup: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The serials of the database that is to go; undefined: they can't be read. */
function serialsOf(database: string): ReadonlyMap<string, number> | undefined {
  if (!existsSync(database)) return undefined
  try {
    const connection = new DatabaseSync(database, { readOnly: true })
    try {
      return serialsIn(connection)
    } finally {
      connection.close()
    }
  } catch {
    return undefined
  }
}

/** Those of zones that the backup does not know are kept too: such a zone has been served since. */
function advanceSerials(
  database: string,
  {
    replaced = new Map(),
    now,
  }: { readonly replaced: ReadonlyMap<string, number> | undefined; readonly now: Date },
): void {
  const connection = new DatabaseSync(database)
  try {
    const write = connection.prepare('INSERT OR REPLACE INTO zone_serials (apex, serial) VALUES (?, ?)')
    const saved = serialsIn(connection)
    const times = { now: Math.floor(now.getTime() / 1000), knownUntil: lastCommitIn(connection) }
    for (const [apex, serial] of saved) write.run(apex, laterThan(serial, replaced.get(apex), times))
    for (const [apex, serial] of replaced) if (!saved.has(apex)) write.run(apex, serialAfter(serial, serial))
  } finally {
    connection.close()
  }
}

function laterThan(saved: number, seen: number | undefined, times: RestoreTimes): number {
  return seen === undefined ? serialAfterLoss(saved, times) : serialAfter(saved, seen)
}

/** UTC seconds of the last commit; infinite where the backup does not say, as of an early schema: it is of no age. */
function lastCommitIn(connection: DatabaseSync): number {
  const hasClock = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'clock'").get() !== undefined
  const seen = hasClock ? Number(connection.prepare('SELECT seen FROM clock').get()?.seen ?? 0) : 0
  return seen === 0 ? Number.POSITIVE_INFINITY : seen
}

function serialsIn(connection: DatabaseSync): ReadonlyMap<string, number> {
  const rows = connection.prepare('SELECT apex, serial FROM zone_serials').all()
  return new Map(rows.map(({ apex, serial }) => [String(apex), Number(serial)]))
}
