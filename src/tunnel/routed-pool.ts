import { type Prefix, prefixContains } from '../address/prefix.ts'
import { IndexPool } from './index-pool.ts'

/** The block that routed prefixes are taken from, and how long each is. */
export interface RoutedRange {
  /** /32 to `length`. */
  readonly prefix: Prefix
  /** 48 to 64. */
  readonly length: number
}

const NETWORK_BITS = 64
/** More than anybody needs, as for the tunnels themselves. */
const LARGEST_CAPACITY = 2 ** 25

/** Prefixes that a range has room for, or as many as anybody needs. */
export function routedRoom({ prefix, length }: RoutedRange): number {
  return Math.min(2 ** (length - prefix.length), LARGEST_CAPACITY)
}

/** The prefixes that are routed to tunnels, for the networks behind them, by index. */
export class RoutedPool extends IndexPool {
  readonly #range: RoutedRange

  constructor(range: RoutedRange) {
    super(routedRoom(range))
    this.#range = range
  }

  assignment(index: number): Prefix {
    const { prefix, length } = this.#range
    const octets = Uint8Array.from(prefix.octets)
    const view = new DataView(octets.buffer)
    view.setBigUint64(0, view.getBigUint64(0) | (BigInt(index) << BigInt(NETWORK_BITS - length)))
    return { octets, length }
  }

  /** Undefined: it is none of this pool's. */
  indexOf(prefix: Prefix): number | undefined {
    if (!isOfRange(prefix, this.#range)) return undefined
    const { length } = this.#range
    const first = new DataView(this.#range.prefix.octets.buffer, this.#range.prefix.octets.byteOffset)
    const network = new DataView(prefix.octets.buffer, prefix.octets.byteOffset).getBigUint64(0)
    const index = Number((network ^ first.getBigUint64(0)) >> BigInt(NETWORK_BITS - length))
    return index < this.capacity ? index : undefined
  }
}

/** Whether a prefix is one of those that a range is cut into. */
export function isOfRange({ octets, length }: Prefix, range: RoutedRange): boolean {
  return length === range.length && prefixContains(range.prefix, octets)
}
