import type { Prefix } from '../address/prefix.ts'
import { reverseApex } from '../address/reverse-name.ts'
import { lowerCaseName, parseName } from '../wire/name.ts'
import { lowerCase, octet } from '../wire/octets.ts'
import { reverseOwner } from '../wire/reverse-name.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'

const NIBBLES_OF_AN_ADDRESS = 32

/** The zone of the tunnels' names, or that of their addresses. */
export type TunnelZoneName = 'forward' | 'reverse'

/** The names that tunnels have in DNS, and the way back from a name to its tunnel. All in wire form and lower case. */
export class TunnelNames {
  /** Without the final dot. */
  readonly origin: string
  readonly reverseApex: string
  readonly forwardApex: Uint8Array
  readonly backwardApex: Uint8Array

  constructor({ origin, prefix }: { readonly origin: string; readonly prefix: Prefix }) {
    this.origin = origin
    this.reverseApex = reverseApex(prefix)
    this.forwardApex = lowerCaseName(wireName(this.origin))
    this.backwardApex = wireName(this.reverseApex)
  }

  apexOf(zone: TunnelZoneName): Uint8Array {
    return zone === 'forward' ? this.forwardApex : this.backwardApex
  }

  /** The zone that a tunnel's owner lies in. */
  zoneOf(owner: Uint8Array): TunnelZoneName {
    return isAtOrBelow(owner, 0, this.forwardApex, 0) ? 'forward' : 'reverse'
  }

  /** `nicname.country.<origin>`. */
  ownerOf(nicname: string, country: string): Uint8Array {
    const apex = this.forwardApex
    const owner = new Uint8Array(nicname.length + country.length + 2 + apex.length)
    const behind = putLabel(owner, putLabel(owner, 0, nicname), country)
    owner.set(apex, behind)
    return owner
  }

  /** The owner of an address's PTR. */
  reverseOwnerOf(address: Uint8Array): Uint8Array {
    return reverseOwner(address)
  }

  /** The nicname and country that a name stands for, or the nearest name above it that stands for one. */
  nicnameOf(name: Uint8Array): { readonly nicname: string; readonly country: string } | undefined {
    const apex = this.forwardApex
    if (!isAtOrBelow(name, 0, apex, 0)) return undefined
    let [nicnameAt, countryAt] = [-1, -1]
    for (let at = 0; at < name.length - apex.length; at += octet(name, at) + 1) {
      nicnameAt = countryAt
      countryAt = at
    }
    if (nicnameAt < 0) return undefined
    return { nicname: labelText(name, nicnameAt), country: labelText(name, countryAt) }
  }

  /** The client address whose reverse name a name is, or lies below; 16 octets. */
  addressOf(name: Uint8Array): Uint8Array | undefined {
    const start = name.length - REVERSE_NAME_LENGTH
    let at = 0
    while (at < start) at += octet(name, at) + 1
    if (at !== start || !isAtOrBelow(name, at, IP6_ARPA, 0)) return undefined
    const address = new Uint8Array(NIBBLES_OF_AN_ADDRESS / 2)
    for (let i = 0; i < NIBBLES_OF_AN_ADDRESS; i++, at += 2) {
      const digit = hexDigit(octet(name, at + 1))
      if (octet(name, at) !== 1 || digit === undefined) return undefined
      const last = address.length - 1 - (i >> 1) // the lowest digit comes first
      address[last] = octet(address, last) | ((i & 1) === 0 ? digit : digit << 4)
    }
    return address
  }
}

/** The wire form of a name that the program itself made or the configuration checked. Throws RangeError otherwise. */
export function wireName(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new RangeError(`${text} is not a domain name`)
  return name
}

const IP6_ARPA = wireName('ip6.arpa')
/** A label of one digit for each nibble, and the apex. */
const REVERSE_NAME_LENGTH = 2 * NIBBLES_OF_AN_ADDRESS + IP6_ARPA.length

/** Writes a label of ASCII letters; returns the position behind it. */
function putLabel(name: Uint8Array, at: number, label: string): number {
  name[at] = label.length
  for (let i = 0; i < label.length; i++) name[at + 1 + i] = label.charCodeAt(i)
  return at + 1 + label.length
}

/** The label at a place of a name, in lower case. */
function labelText(name: Uint8Array, at: number): string {
  let text = ''
  for (let i = at + 1; i <= at + octet(name, at); i++) text += String.fromCharCode(lowerCase(octet(name, i)))
  return text
}

/** The value of a hexadecimal digit in ASCII. */
function hexDigit(digit: number): number | undefined {
  const value = lowerCase(digit)
  if (value >= 0x30 && value <= 0x39) return value - 0x30
  return value >= 0x61 && value <= 0x66 ? value - 0x61 + 10 : undefined
}
