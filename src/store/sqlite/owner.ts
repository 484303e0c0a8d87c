import { closeSync, fchownSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes an empty file, for its owner alone; false if there is one already. What root's commands make belongs to whom the directory
 * belongs to: the service may have a user of its own. That is done by the file just made, and through no link: who may write
 * in the directory could have it lead anywhere.
 */
export function makeForOwner(file: string): boolean {
  const made = openNew(file)
  if (made === undefined) return false
  try {
    giveAway(made, dirname(file))
    return true
  } finally {
    closeSync(made)
  }
}

function openNew(file: string): number | undefined {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined
    throw error
  }
}

/** Nobody but root can give a file away, and for nobody else is there a need. */
function giveAway(descriptor: number, directory: string): void {
  if (process.getuid?.() !== 0) return
  try {
    const { uid, gid } = statSync(directory)
    fchownSync(descriptor, uid, gid)
  } catch {
    return // a file system without owners, or a root that may not
  }
}
