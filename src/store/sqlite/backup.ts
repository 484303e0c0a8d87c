import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { laterSerial } from './later-serial.ts'
import { MIGRATIONS } from './migrations.ts'
import { makeForOwner } from './owner.ts'

/** A backup or a restore that can't be done; the message says why. */
class BackupFault extends Error {}

/** More than changes that the restored database may have missed, and less than half the circle (RFC 1982 3.2). */
const UNSEEN_CHANGES = 2 ** 30
/** Where the serials of the database that is replaced are known there is nothing to guess. */
const SEEN_CHANGES = 2 ** 16
/** How often, and after how long, a backup that found a transaction under way begins again. */
const ATTEMPTS = 1000
const PAUSE_MS = 5
const SUFFIXES = ['', '-wal', '-shm']

/**
 * Writes a whole copy of an open database, its log included, while commits go on: the copy is as the database was at one
 * moment. It appears under its name when it is complete and on the disk. Rejects with BackupFault if the file is there.
 */
export async function backUp(connection: DatabaseSync, file: string): Promise<void> {
  if (existsSync(file)) throw alreadyThere(file)
  const partial = `${file}.${randomBytes(6).toString('hex')}.partial` // another backup may be under way to the same name
  closeSync(openSync(partial, 'wx', 0o600)) // what it holds is for the owner alone from the start
  try {
    await copy(connection, partial)
    makeWhole(partial)
    nameWhole(partial, file)
    syncFile(dirname(file))
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

/** A link, unlike a renaming, replaces nothing that has come meanwhile; not every file system has links. */
function nameWhole(partial: string, file: string): void {
  try {
    linkSync(partial, file)
  } catch {
    if (existsSync(file)) throw alreadyThere(file)
    renameSync(partial, file)
    return
  }
  rmSync(partial)
}

function alreadyThere(file: string): BackupFault {
  return new BackupFault(`${file} is there already: a backup replaces no file`)
}

/**
 * Copies page by page in a thread of Node's. Its first look may fall into a transaction of the same connection: SQLite
 * says SQLITE_BUSY, which Node waits out at every later look but reports at the first, as an error without a code.
 */
async function copy(connection: DatabaseSync, file: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await backup(connection, file)
      return
    } catch (error) {
      if (!isWithoutCode(error) || attempt === ATTEMPTS) throw error
      await sleep(PAUSE_MS)
    }
  }
}

function isWithoutCode(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 0
}

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
  rmSync(partial, { force: true })
  const source = openSound(file)
  try {
    if (!makeForOwner(partial)) throw new BackupFault(`${partial} is there: another restore is under way`)
    await backup(source, partial)
  } finally {
    source.close()
  }
  advanceSerials(partial, serialsOf(database))
  makeWhole(partial) // what the disk does not take is known before the database leaves its place
  const old = existsSync(database) ? `${database}.${now.toISOString().replaceAll(':', '')}` : undefined
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
    throw new BackupFault(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`)
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

/** Lets a complete file be on the disk, for the owner alone: after a power cut it has its name whole, or not at all. */
function makeWhole(partial: string): void {
  chmodSync(partial, 0o600)
  for (const suffix of SUFFIXES.slice(1)) rmSync(partial + suffix, { force: true })
  syncFile(partial)
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
