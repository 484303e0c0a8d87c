/*
 * A tunnel's history as octets of a file:
 *
 *     length of the id │ id │ noted at │ sums │ which buckets are known, a bit each │ words of those that are
 *            1         │ …  │     8    │ 168  │                 29                  │        8 each
 */
import { BUCKETS, SUM_COUNT, TunnelHistory, WORDS } from './tunnel-history.ts'

const NUMBER_OCTETS = 8
const WORD_OCTETS = 2
const MASK_OCTETS = Math.ceil(BUCKETS / 8)
const MAX_ID_LENGTH = 64
const FIXED_OCTETS = NUMBER_OCTETS * (1 + SUM_COUNT) + MASK_OCTETS
/** The most that a record takes: less than 2 KB, and the id. */
export const MAX_RECORD_OCTETS = 1 + MAX_ID_LENGTH + FIXED_OCTETS + BUCKETS * WORDS * WORD_OCTETS

export interface HistoryRecord {
  readonly id: string
  readonly history: TunnelHistory
}

/** Writes a record at `at`, where there is room for the largest; returns where the next one begins. */
export function packRecord({ id, history }: HistoryRecord, buffer: Buffer, at: number): number {
  const { notedAt, words, sums } = history
  const name = Buffer.from(id, 'latin1').subarray(0, MAX_ID_LENGTH)
  let next = buffer.writeUInt8(name.length, at)
  next += name.copy(buffer, next)
  next = buffer.writeDoubleLE(notedAt, next)
  for (const sum of sums) next = buffer.writeDoubleLE(sum, next)
  const mask = next
  buffer.fill(0, mask, mask + MASK_OCTETS)
  next += MASK_OCTETS
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (!TunnelHistory.isKnown(words, bucket)) continue
    buffer[mask + (bucket >> 3)] = (buffer[mask + (bucket >> 3)] ?? 0) | (1 << (bucket & 7))
    for (let word = bucket * WORDS; word < (bucket + 1) * WORDS; word++)
      next = buffer.writeUInt16LE(words[word] ?? 0, next)
  }
  return next
}

/** Reads a record and where the next one begins; undefined: the octets end within it. */
export function unpackRecord(
  buffer: Buffer,
  at: number,
): { readonly record: HistoryRecord; readonly next: number } | undefined {
  if (at >= buffer.length) return undefined
  const idEnd = at + 1 + buffer.readUInt8(at)
  const mask = idEnd + NUMBER_OCTETS * (1 + SUM_COUNT)
  if (idEnd + FIXED_OCTETS > buffer.length) return undefined
  const words = TunnelHistory.noWords()
  let next = mask + MASK_OCTETS
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (((buffer[mask + (bucket >> 3)] ?? 0) & (1 << (bucket & 7))) === 0) continue
    if (next + WORDS * WORD_OCTETS > buffer.length) return undefined
    for (let word = bucket * WORDS; word < (bucket + 1) * WORDS; word++, next += WORD_OCTETS)
      words[word] = buffer.readUInt16LE(next)
  }
  const sums = Float64Array.from({ length: SUM_COUNT }, (_, n) =>
    buffer.readDoubleLE(idEnd + NUMBER_OCTETS * (1 + n)),
  )
  const history = TunnelHistory.of({ notedAt: buffer.readDoubleLE(idEnd), words, sums })
  return { record: { id: buffer.toString('latin1', at + 1, idEnd), history }, next }
}
