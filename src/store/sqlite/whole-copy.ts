import { chmodSync, closeSync, fsyncSync, openSync, rmSync } from 'node:fs'

/** A backup or a restore that can't be done; the message says why. */
export class BackupFault extends Error {}

/** A database, its log and the index of that. */
export const SUFFIXES = ['', '-wal', '-shm']

/** Lets a complete file be on the disk, for the owner alone: after a power cut it has its name whole, or not at all. */
export function makeWhole(partial: string): void {
  chmodSync(partial, 0o600)
  for (const suffix of SUFFIXES.slice(1)) rmSync(partial + suffix, { force: true })
  syncFile(partial)
}

export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
