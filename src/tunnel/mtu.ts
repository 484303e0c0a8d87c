/** What every link of IPv6 carries (RFC 8200 5). */
export const SMALLEST_MTU = 1280
/** What an IPv4 packet has room for. */
const LARGEST_MTU = 65_535

/** Whether a tunnel of whatever kind could have packets of so many octets. */
export function isMtu(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= SMALLEST_MTU && value <= LARGEST_MTU
}
