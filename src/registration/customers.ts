import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'

/** Bits of an IPv6 address that say whose it is, where we have not given it out ourselves: providers give homes a /56. */
const USUAL_LENGTH = 56

/** A block of which each customer has a prefix of `length` bits. */
export interface CustomerBlock {
  readonly prefix: Prefix
  readonly length: number
}

/**
 * Says by what limits count a visitor: a host by its IPv4 address, an IPv6 customer by its /56, and an owner who comes
 * through a tunnel of ours by what that tunnel has, since a /56 of ours holds 256 tunnels.
 */
export class Customers {
  readonly #ownBlocks: readonly CustomerBlock[]

  /** `ownBlocks`: what our own tunnels' addresses are taken from. */
  constructor(ownBlocks: readonly CustomerBlock[]) {
    this.#ownBlocks = ownBlocks
  }

  /** The same text for all addresses of a network as providers give one to a home, ours among them. */
  networkOf({ address }: { readonly address: string }): string {
    const octets = addressOctets(address)
    return octets === undefined || octets.length === 4 ? address : networkText(octets, USUAL_LENGTH)
  }

  /** The same text for all addresses of one customer. */
  keyOf({ address }: { readonly address: string }): string {
    const octets = addressOctets(address)
    if (octets === undefined || octets.length === 4) return address
    const own = this.#ownBlocks.find(({ prefix }) => prefixContains(prefix, octets))
    return networkText(octets, own?.length ?? USUAL_LENGTH)
  }
}

/** The first `length` bits of an address in hexadecimal digits, the bits beyond them zero. */
function networkText(octets: Uint8Array, length: number): string {
  const network = Buffer.from(octets.subarray(0, Math.ceil(length / 8)))
  const rest = length % 8
  if (rest > 0)
    network.writeUInt8(network.readUInt8(network.length - 1) & (255 << (8 - rest)) & 255, network.length - 1)
  return network.toString('hex')
}
