import { accessSync, constants, existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { laterSerial } from './later-serial.ts'
import { MIGRATIONS } from './migrations.ts'
import { makeForOwner } from './owner.ts'
import { withPartial } from './partial-copy.ts'
import { BackupFault, makeWhole, SUFFIXES, syncFile } from './whole-copy.ts'

/** More than changes that the restored database may have missed, and less than half the circle (RFC 1982 3.2). */
const UNSEEN_CHANGES = 2 ** 30
/** Where the serials of the database that is replaced are known there is nothing to guess. */
const SEEN_CHANGES = 2 ** 16

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
  advanceSerials(partial, serialsOf(database))
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
function advanceSerials(database: string, replaced: ReadonlyMap<string, number> = new Map()): void {
  const connection = new DatabaseSync(database)
  try {
    const write = connection.prepare('INSERT OR REPLACE INTO zone_serials (apex, serial) VALUES (?, ?)')
    const saved = serialsIn(connection)
    for (const apex of new Set([...saved.keys(), ...replaced.keys()]))
      write.run(apex, serialAfter(saved.get(apex), replaced.get(apex)))
  } finally {
    connection.close()
  }
}

/** A serial later than the one that a backup has, and than any that was given out since. */
function serialAfter(saved: number | undefined, seen: number | undefined): number {
  const ahead = seen === undefined ? (saved ?? 0) + UNSEEN_CHANGES : seen + SEEN_CHANGES
  return saved === undefined ? ahead >>> 0 : laterSerial((saved + SEEN_CHANGES) >>> 0, ahead >>> 0)
}

function serialsIn(connection: DatabaseSync): ReadonlyMap<string, number> {
  const rows = connection.prepare('SELECT apex, serial FROM zone_serials').all()
  return new Map(rows.map(({ apex, serial }) => [String(apex), Number(serial)]))
}
