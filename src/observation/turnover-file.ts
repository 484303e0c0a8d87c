import { readFile } from 'node:fs/promises'
import type { Log } from '../shared/log.ts'
import { isAbsent, putAside, replaceFile } from '../shared/whole-file.ts'
import type { KeptDay, Turnover, TurnoverRecord } from './turnover.ts'

const FORMAT = 'freenet6 turnover 1'

/** Where the counts by day outlast a restart: one line of JSON. */
export class TurnoverFile {
  readonly #file: string
  readonly #turnover: Turnover
  readonly #log: Log
  #written = 0
  /** The record is from the future: it is left as it is. */
  #isLeft = false

  constructor(options: { readonly file: string; readonly turnover: Turnover; readonly log: Log }) {
    this.#file = options.file
    this.#turnover = options.turnover
    this.#log = options.log
  }

  /** Adds the counts of the file, if it is ours. Never rejects: a file that is not is left out and logged. */
  async load(): Promise<void> {
    try {
      const kept = keptIn(await readFile(this.#file, 'utf8'))
      if (kept !== undefined && this.#turnover.isUnset(kept)) {
        this.#isLeft = true
        this.#log.warn(
          { file: this.#file },
          'the counts by day are from the future: the clock is not set, and they are left as they are',
        )
      } else if (kept !== undefined) this.#turnover.restore(kept)
      else
        this.#log.warn(
          { file: await putAside(this.#file) },
          'the counts by day can not be read, and are kept aside',
        )
    } catch (error) {
      if (isAbsent(error)) return
      this.#log.warn(
        { file: await putAside(this.#file), err: error },
        'the counts by day can not be read, and are kept aside',
      )
    }
  }

  /**
   * Writes the counts in place of what was written, in one step, if there are others since. Never rejects: what could not
   * be written is logged, the old file stands, and the next call tries again.
   */
  async save(): Promise<void> {
    const { changes } = this.#turnover
    if (changes === this.#written || this.#isLeft) return
    const text = `${JSON.stringify({ format: FORMAT, ...this.#turnover.kept() })}\n`
    try {
      await replaceFile(this.#file, handle => handle.writeFile(text))
      this.#written = changes
    } catch (error) {
      this.#log.warn({ file: this.#file, err: error }, 'the counts by day can not be written')
    }
  }
}

function keptIn(text: string): TurnoverRecord | undefined {
  const read = jsonOf(text)
  if (!isFields(read) || read.format !== FORMAT || !isCount(read.first) || !Array.isArray(read.days))
    return undefined
  const { first, days } = read
  return days.every(isDay) ? { first, days } : undefined
}

function isDay(day: unknown): day is KeptDay {
  return isFields(day) && [day.number, day.registered, day.removed].every(isCount)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
