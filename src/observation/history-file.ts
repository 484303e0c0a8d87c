import { type FileHandle, readFile, statfs } from 'node:fs/promises'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Log } from '../shared/log.ts'
import { isAbsent, putAside, replaceFile } from '../shared/whole-file.ts'
import type { History } from './history.ts'
import { type HistoryRecord, MAX_RECORD_OCTETS, packRecord, unpackRecord } from './history-record.ts'
import { SPANS, WORDS } from './tunnel-history.ts'

/** Tunnels that are packed or read in one turn of the event loop: a fraction of a millisecond. */
const SLICE = 100
const CRC_OCTETS = 4
const SUMMED_OCTETS = 1_048_576
const LONGEST_HEAD = 1000
/** How far the clock may have gone back since the file was written, in seconds. */
const MAX_BACK = 60
const MONTH = SPANS.month.step * SPANS.month.count
/** How much of the disk's free room the file may take: a registration matters more. */
const MAX_SHARE_OF_FREE = 0.25

/** The first line: with another one the file is of another program, or of another version of this one. */
interface Head {
  readonly format: string
  readonly now: number
  readonly tunnels: number
}

/** So that a file with other buckets is not taken for one of these. */
const FORMAT = `freenet6 histories 1: ${WORDS} words, ${Object.values(SPANS)
  .map(({ step, count }) => `${count} of ${step} s`)
  .join(', ')}`

/** Where histories outlast a restart: a line of JSON, a record for each tunnel, and a check sum of the records. */
export class HistoryFile {
  readonly #file: string
  readonly #directory: string
  readonly #history: History
  readonly #log: Log

  constructor(options: {
    readonly file: string
    /** The one that it lies in. */
    readonly directory: string
    readonly history: History
    readonly log: Log
  }) {
    this.#file = options.file
    this.#directory = options.directory
    this.#history = options.history
    this.#log = options.log
  }

  /** Takes the histories of the file, if it is whole and ours. Never rejects: a file that is not is left out and logged. */
  async load(): Promise<void> {
    try {
      const octets = await readFile(this.#file)
      const reading = await readRecords(octets, this.#history.now)
      if ('reason' in reading) {
        const file = await putAside(this.#file)
        this.#log.warn({ file }, `histories are not taken, and kept aside: ${reading.reason}`)
        return
      }
      this.#history.restore(reading.records)
      this.#log.info({ tunnels: reading.records.length }, 'histories read')
    } catch (error) {
      if (isAbsent(error)) return
      this.#log.warn(
        { file: await putAside(this.#file), err: error },
        'histories can not be read, and are kept aside',
      )
    }
  }

  /**
   * Writes all histories in place of what was written, in one step. `pauseMs` is waited between slices, so that commits
   * do not wait for the disk behind us. Never rejects: what could not be written is logged, and the old file stands.
   */
  async save({ pauseMs, signal }: { readonly pauseMs: number; readonly signal: AbortSignal }): Promise<void> {
    try {
      const ids = this.#history.ids()
      if (!(await this.#hasRoom(ids.length))) return
      await replaceFile(this.#file, handle => this.#write(handle, ids, { pauseMs, signal }))
    } catch (error) {
      if (!signal.aborted) this.#log.warn({ file: this.#file, err: error }, 'histories can not be written')
    }
  }

  async #hasRoom(tunnels: number): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#directory)
    if (tunnels * MAX_RECORD_OCTETS <= bavail * bsize * MAX_SHARE_OF_FREE) return true
    this.#log.warn({ file: this.#file }, 'histories are not written: the disk is nearly full')
    return false
  }

  async #write(
    handle: FileHandle,
    ids: readonly string[],
    { pauseMs, signal }: { readonly pauseMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const head: Head = { format: FORMAT, now: this.#history.now, tunnels: ids.length }
    await handle.writeFile(`${JSON.stringify(head)}\n`)
    const buffer = Buffer.allocUnsafe(SLICE * MAX_RECORD_OCTETS)
    let sum = 0
    for (let first = 0; first < ids.length; first += SLICE) {
      signal.throwIfAborted()
      const octets = this.#packSlice(ids.slice(first, first + SLICE), buffer)
      sum = crc32(octets, sum)
      await handle.writeFile(octets)
      await (pauseMs === 0 ? nextTurn() : sleep(pauseMs, undefined, { signal }))
    }
    const tail = Buffer.alloc(CRC_OCTETS)
    tail.writeUInt32LE(sum)
    await handle.writeFile(tail)
    signal.throwIfAborted()
  }

  #packSlice(ids: readonly string[], buffer: Buffer): Buffer {
    let end = 0
    for (const id of ids) {
      const record = this.#history.recordOf(id)
      if (record !== undefined) end = packRecord(record, buffer, end)
    }
    return buffer.subarray(0, end)
  }
}

type Reading = { readonly records: readonly HistoryRecord[] } | { readonly reason: string }

async function readRecords(octets: Buffer, now: number): Promise<Reading> {
  const headEnd = octets.subarray(0, LONGEST_HEAD).indexOf('\n')
  const head = headOf(octets.toString('utf8', 0, Math.max(0, headEnd)))
  if (head === undefined) return { reason: 'the file is none of this version' }
  if (head.now > now + MAX_BACK) return { reason: 'the file is from the future: the clock has been set back' }
  if (now - head.now > MONTH) return { reason: 'the file is more than a month old' }
  const body = octets.subarray(headEnd + 1, -CRC_OCTETS)
  const isLongEnough = octets.length >= headEnd + 1 + CRC_OCTETS
  if (!isLongEnough || (await sumOf(body)) !== octets.readUInt32LE(octets.length - CRC_OCTETS))
    return { reason: 'the file is not whole' }
  return unpackAll(body)
}

async function sumOf(body: Buffer): Promise<number> {
  let sum = 0
  for (let at = 0; at < body.length; at += SUMMED_OCTETS) {
    sum = crc32(body.subarray(at, at + SUMMED_OCTETS), sum)
    await nextTurn()
  }
  return sum
}

async function unpackAll(body: Buffer): Promise<Reading> {
  const records: HistoryRecord[] = []
  for (let at = 0; at < body.length; ) {
    const read = unpackRecord(body, at)
    if (read === undefined) return { reason: 'the file ends within a tunnel' }
    records.push(read.record)
    at = read.next
    if (records.length % SLICE === 0) await nextTurn()
  }
  return { records }
}

function headOf(line: string): Head | undefined {
  try {
    const head: unknown = JSON.parse(line)
    const isOurs =
      typeof head === 'object' && head !== null && 'format' in head && 'now' in head && 'tunnels' in head
    if (!isOurs || head.format !== FORMAT) return undefined
    const { now, tunnels } = head
    return typeof now === 'number' && typeof tunnels === 'number'
      ? { format: FORMAT, now, tunnels }
      : undefined
  } catch {
    return undefined
  }
}
