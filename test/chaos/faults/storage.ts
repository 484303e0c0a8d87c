import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TriedBroker } from '../tried-broker.ts'
import type { Fault } from './fault.ts'

const BLOCK = Buffer.alloc(64 * 1024, 1)
const SMALL_BLOCK = Buffer.alloc(512, 1)
const ATTEMPTS = 200
const LONG_WAIT_MS = 2000
const FOREIGN_WRITES = 10
const FOREIGN_WRITE_MS = 50

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
      broker.failIo('writes')
      return () => broker.restoreIo()
    },
  },
  {
    name: 'reads fail with EIO',
    isSurvived: true,
    async strike({ broker }) {
      broker.failIo('reads')
      return () => broker.restoreIo()
    },
  },
  {
    name: 'the database is moved away',
    isSurvived: true,
    async strike({ broker }) {
      const files = databaseFiles(broker)
      for (const file of files) renameSync(file, `${file}.away`)
      return () => {
        for (const file of databaseFiles(broker)) rmSync(file)
        for (const file of files) renameSync(`${file}.away`, file)
      }
    },
  },
  {
    name: 'another program reads on and on',
    isSurvived: true,
    async strike({ broker }) {
      const other = new DatabaseSync(broker.database, { timeout: LONG_WAIT_MS })
      other.exec('BEGIN')
      other.prepare('SELECT count(*) FROM tunnels').get()
      return () => other.close()
    },
  },
  {
    name: 'another program writes what was there',
    isSurvived: true,
    async strike({ broker }) {
      const other = new DatabaseSync(broker.database, { timeout: LONG_WAIT_MS })
      for (let write = 0; write < FOREIGN_WRITES; write++) {
        other.exec('UPDATE tunnels SET nicname = nicname')
        await sleep(FOREIGN_WRITE_MS)
      }
      return () => other.close()
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

/** The database, and of what lies beside it that which is there. */
function databaseFiles({ database }: TriedBroker): string[] {
  return ['', '-wal', '-shm'].map(ending => `${database}${ending}`).filter(file => existsSync(file))
}

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
