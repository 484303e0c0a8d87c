import { poolRoom } from '../../tunnel/address-pool.ts'
import type { DriverContext } from '../../tunnel/kind.ts'
import { routedRoom } from '../../tunnel/routed-pool.ts'

/**
 * The kernel allocates a set's hash table when the set is made, 8 to 21 octets for each element that it is made for: with
 * this two megabytes. A set for more tunnels grows.
 */
const MOST_AT_FIRST = 2 ** 17
/** For elements that are about to be replaced. */
const SPARE_ELEMENTS = 1000

/**
 * Elements that a set is made for at first: one for each link that has addresses, and for each routed prefix.
 * `tunnel.max_tunnels` has no part in it: rows beyond it are tunnels all the same.
 */
export function setRoom({ prefix, routed }: Pick<DriverContext, 'prefix' | 'routed'>): number {
  const room = poolRoom(prefix) + (routed === undefined ? 0 : routedRoom(routed))
  return Math.min(room, MOST_AT_FIRST) + SPARE_ELEMENTS
}
