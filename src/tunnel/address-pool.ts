import { LINK_PREFIX_LENGTH, type Prefix, prefixContains } from '../address/prefix.ts'
import { uint32 } from '../wire/octets.ts'
import { IndexPool } from './index-pool.ts'

/** What a pool index stands for: one /64 of the prefix, its two ends, and the interface on the server. */
export interface Assignment {
  /** 16 octets each. */
  readonly ipv6Server: Uint8Array
  readonly ipv6Client: Uint8Array
  readonly device: string
  /** Only if one was asked for. */
  readonly routedPrefix?: Prefix
}

/** Where the 32 bits are that hold the index: prefixes start at /32. */
const INDEX_AT = 4
const SERVER_HOST = 1
const CLIENT_HOST = 2
/** Octets of an address that say which link it is in. */
const LINK_OCTETS = LINK_PREFIX_LENGTH / 8
/** Indexes above this are never needed: a pool as large holds more tunnels than max_tunnels allows, with room to rest. */
const LARGEST_CAPACITY = 2 ** 25

/** Tunnels that a prefix has room for, or as many as anybody needs. */
export function poolRoom({ length }: Pick<Prefix, 'length'>): number {
  return Math.min(2 ** (LINK_PREFIX_LENGTH - length), LARGEST_CAPACITY)
}

/**
 * The /64 prefixes of the tunnel prefix, by index. An address that was just freed must not go to somebody else while caches still hold the old name (`dns.ttl`).
 */
export class AddressPool extends IndexPool {
  readonly #prefix: Prefix
  readonly #devicePrefix: string

  constructor(options: { readonly prefix: Prefix; readonly devicePrefix: string }) {
    super(poolRoom(options.prefix))
    this.#prefix = options.prefix
    this.#devicePrefix = options.devicePrefix
  }

  /** The addresses and the device of an index. */
  assignment(index: number): Assignment {
    return {
      ipv6Server: this.#address(index, SERVER_HOST),
      ipv6Client: this.#address(index, CLIENT_HOST),
      device: `${this.#devicePrefix}${index}`,
    }
  }

  /** The index of the /64 in which an address of 16 octets lies; undefined if it is none of this pool's. */
  indexOf(octets: Uint8Array): number | undefined {
    if (!prefixContains(this.#prefix, octets)) return undefined
    const index = (uint32(octets, INDEX_AT) & this.#indexMask()) >>> 0
    return index < this.capacity ? index : undefined
  }

  /** The index that gives a device this name; undefined if none of this pool's does. */
  indexOfDevice(device: string): number | undefined {
    const index = Number(device.slice(this.#devicePrefix.length))
    const isOurs = Number.isInteger(index) && index >= 0 && index < this.capacity
    return isOurs && device === `${this.#devicePrefix}${index}` ? index : undefined
  }

  /** Index bits are those between the prefix and the /64: all lie in the second 32 bits, since prefixes start at /32. */
  #indexMask(): number {
    const bits = LINK_PREFIX_LENGTH - this.#prefix.length
    return bits === 32 ? 0xffffffff : 2 ** bits - 1
  }

  #address(index: number, host: number): Uint8Array {
    const octets = Uint8Array.from(this.#prefix.octets)
    const view = new DataView(octets.buffer)
    view.setUint32(INDEX_AT, (view.getUint32(INDEX_AT) | index) >>> 0)
    view.setUint32(12, host)
    return octets
  }
}

/** The client's address in the /64 that an address, 16 octets, is in. */
export function clientAddressBeside(address: Uint8Array): Uint8Array {
  const client = new Uint8Array(address.length)
  client.set(address.subarray(0, LINK_OCTETS))
  client[address.length - 1] = CLIENT_HOST
  return client
}
