import { MAX_UINT32, readDecimal } from './decimal.ts'

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const WITH_UNITS = /^(?:[0-9]{1,10}[smhdw])+$/i
const PART = /([0-9]+)([smhdw])/gi
const ZERO = 0x30
const NINE = 0x39

/**
 * Reads a span of time: seconds, or numbers with units as in `1h30m` (BIND's notation, which every server reads).
 * Returns seconds up to 32 bits, or undefined if the range is not one.
 */
export function readSeconds(octets: Buffer, start: number, end: number): number | undefined {
  const first = octets[start] ?? 0
  if (start >= end || first < ZERO || first > NINE) return undefined // most tokens that are tried are no TTL
  const plain = readDecimal(octets, start, end)
  if (plain !== undefined) return plain <= MAX_UINT32 ? plain : undefined
  const text = octets.toString('latin1', start, end)
  if (!WITH_UNITS.test(text)) return undefined
  let seconds = 0
  for (const [, number, unit = 's'] of text.matchAll(PART)) {
    seconds += Number(number) * (UNIT_SECONDS[unit.toLowerCase()] ?? 1)
  }
  return seconds <= MAX_UINT32 ? seconds : undefined
}
