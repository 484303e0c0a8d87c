import type { ZoneDifference } from '../../src/zone/zone-difference.ts'

/** The step from a serial to the next one; its octets tell which one it is, so that a torn one shows. */
export function stepOf(from: number, length = 20 + (from % 50)): ZoneDifference {
  const octets = () => new Uint8Array(length).fill(from)
  return { from, to: (from + 1) >>> 0, removed: octets(), added: octets() }
}
