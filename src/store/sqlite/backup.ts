import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, type DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkFile } from './file-check.ts'
import { withPartial } from './partial-copy.ts'
import { BackupFault, makeWhole, syncFile } from './whole-copy.ts'

/** What was copied is no sound database. */
export class DamagedCopy extends BackupFault {}

/** How often, and after how long, a backup that found a transaction under way begins again. */
const ATTEMPTS = 1000
const PAUSE_MS = 5

/**
 * Writes a whole copy of an open database, its log included, while commits go on: the copy is as the database was at one
 * moment. It appears under its name when it is complete and on the disk. Rejects with BackupFault if the file is
 * there, with DamagedCopy if the copy is not sound.
 */
export async function backUp(connection: DatabaseSync, file: string): Promise<void> {
  if (existsSync(file)) throw alreadyThere(file)
  const partial = `${file}.${randomBytes(6).toString('hex')}.partial` // another backup may be under way to the same name
  closeSync(openSync(partial, 'wx', 0o600)) // what it holds is for the owner alone from the start
  await withPartial(partial, async () => {
    await copy(connection, partial)
    makeWhole(partial)
    await assertSound(partial)
    nameWhole(partial, file)
    syncFile(dirname(file))
  })
}

/** A page that can't be right is copied as any other, and whoever has a copy deletes the ones before. */
async function assertSound(partial: string): Promise<void> {
  const verdict = await checkFile(partial, { isWhole: true })
  if (verdict.kind === 'sound') return
  const reason = verdict.reason.trim()
  if (verdict.kind === 'unreadable') throw new BackupFault(`the copy can't be looked through: ${reason}`)
  throw new DamagedCopy(
    `the copy is damaged, as the database must be (${reason}): it was removed; keep the backups that you have`,
  )
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
