import { closeSync, fdatasync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { LogNotSynced } from '../storage-fault.ts'

const sync = promisify(fdatasync)

/**
 * Whether what is in the write-ahead log survives a power cut, where a commit has not waited for the disk.
 *
 * A sync that fails may have dropped what was written before it, and the next one says nothing of that: a commit that was
 * not synced would be a hole in the log, and all behind it lost with the power. What it holds is in memory still, and is to
 * be brought into the database before anything more is written.
 */
export class LogSync {
  readonly #descriptor: number
  readonly #checkpoint: () => boolean
  #hasUnsynced = false
  #isDoubtful = false

  /** `checkpoint` brings the log into the database; false: not all of it. Throws what the file system says. */
  constructor(log: string, { checkpoint }: { readonly checkpoint: () => boolean }) {
    this.#descriptor = openSync(log, 'r') // held: a crowd may leave no descriptor when it is wanted
    this.#checkpoint = checkpoint
  }

  /** A commit has not waited for the disk. */
  noteUnsynced(): void {
    this.#hasUnsynced = true
  }

  /** A commit that waits for the disk has failed: its sync may be why. */
  noteFault(): void {
    this.#isDoubtful ||= this.#hasUnsynced
  }

  /** To be called before anything is written. Throws if what may be missing can't be made good. */
  endDoubt(): void {
    if (!this.#isDoubtful) return
    if (!this.#checkpoint())
      throw new LogNotSynced('another program reads the log, which the disk may not have')
    this.#isDoubtful = false
    this.#hasUnsynced = false
  }

  /** Resolves when all that is committed survives a power cut; rejects with LogNotSynced if the disk can't say so. */
  async run(): Promise<void> {
    try {
      this.endDoubt()
      await sync(this.#descriptor)
    } catch (error) {
      this.noteFault()
      if (error instanceof LogNotSynced) throw error
      throw new LogNotSynced(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}
