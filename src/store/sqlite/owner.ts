import { chownSync, statSync } from 'node:fs'

/**
 * Gives a file to whom `model` belongs: what root's commands make is for the service, which may have a user of its own.
 * Nobody but root can give a file away, and for nobody else is there a need.
 */
export function giveToOwnerOf(model: string, file: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(model)
  chownSync(file, uid, gid)
}
