import type { Log } from '../shared/log.ts'
import type { StorageFault } from './storage-fault.ts'

/** What is wrong with the store now: a code of docs/errors.md, and a sentence that names the file and the remedy. */
export interface StorageTrouble {
  readonly code: 'storage-busy' | 'storage-full' | 'storage-fault'
  readonly reason: string
}

/** What met the trouble; each has one at a time. */
export type TroubleSource = 'lock' | 'write' | 'read' | 'file' | 'start'

/** The troubles of the store: each is logged when it begins and when it ends, and shown by the health check meanwhile. */
export class StorageTroubles {
  readonly #log: Log
  readonly #bySource = new Map<TroubleSource, StorageTrouble>()

  constructor(log: Log) {
    this.#log = log
  }

  get all(): readonly StorageTrouble[] {
    return [...this.#bySource.values()]
  }

  has(source: TroubleSource): boolean {
    return this.#bySource.has(source)
  }

  begin(source: TroubleSource, trouble: StorageTrouble): void {
    const before = this.#bySource.get(source)
    this.#bySource.set(source, trouble)
    if (before?.reason !== trouble.reason) this.#log.error({ code: trouble.code }, trouble.reason)
  }

  end(source: TroubleSource): void {
    const trouble = this.#bySource.get(source)
    if (trouble === undefined) return
    this.#bySource.delete(source)
    this.#log.info({ code: trouble.code, was: trouble.reason }, 'the trouble with the database is over')
  }
}

/** The code of a fault that hinders reads or writes; undefined: it concerns one row alone, or the table of names. */
export function troubleCodeOf(fault: StorageFault): StorageTrouble['code'] | undefined {
  switch (fault) {
    case 'busy':
      return 'storage-busy'
    case 'full':
      return 'storage-full'
    case 'corrupt':
    case 'unwritable':
    case 'stopped':
      return 'storage-fault'
    case 'constraint':
    case 'table-full':
      return undefined
    default:
      return fault satisfies never
  }
}
