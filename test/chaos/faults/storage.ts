import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'

const BLOCK = Buffer.alloc(64 * 1024, 1)
const SMALL_BLOCK = Buffer.alloc(512, 1)
const ATTEMPTS = 200

/** Faults of the disk below the database, and of those who share it. */
export const STORAGE_FAULTS: readonly Fault[] = [
  {
    name: 'disk full',
    isSurvived: true,
    async strike({ broker }) {
      const ballast = join(broker.data, 'ballast')
      fill(ballast)
      return () => rmSync(ballast)
    },
  },
  {
    name: 'writes fail with EIO',
    isSurvived: true,
    async strike({ broker }) {
      broker.failIo()
      return () => broker.restoreIo()
    },
  },
  {
    name: "another program's lock",
    isSurvived: true,
    async strike({ broker }) {
      const other = new DatabaseSync(broker.database, { timeout: 0 })
      await lock(other)
      return () => {
        other.exec('ROLLBACK')
        other.close()
      }
    },
  },
]

/** Writes until the last octet of the disk is taken. */
function fill(file: string): void {
  const descriptor = openSync(file, 'w')
  for (const block of [BLOCK, SMALL_BLOCK]) while (isWritten(descriptor, block));
  closeSync(descriptor)
}

function isWritten(descriptor: number, block: Uint8Array): boolean {
  try {
    return writeSync(descriptor, block) === block.length
  } catch {
    return false
  }
}

/** The broker may be in the middle of a commit. */
async function lock(database: DatabaseSync): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await sleep(5)
    }
  }
}
