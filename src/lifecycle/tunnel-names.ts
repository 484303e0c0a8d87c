import type { Prefix } from '../address/prefix.ts'
import { reverseApex } from '../address/reverse-name.ts'
import { lowerCaseName, parseName } from '../wire/name.ts'
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
    const [country, nicname] = labelsBelow(name, this.forwardApex)
    return nicname === undefined || country === undefined ? undefined : { nicname, country }
  }

  /** The client address whose reverse name a name is, or lies below; 16 octets. */
  addressOf(name: Uint8Array): Uint8Array | undefined {
    const nibbles = labelsBelow(name, IP6_ARPA).slice(0, NIBBLES_OF_AN_ADDRESS).join('')
    const octets = Uint8Array.from(Buffer.from(nibbles, 'hex'))
    return octets.length === NIBBLES_OF_AN_ADDRESS / 2 ? octets : undefined
  }
}

/** The wire form of a name that the program itself made or the configuration checked. Throws RangeError otherwise. */
export function wireName(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new RangeError(`${text} is not a domain name`)
  return name
}

const IP6_ARPA = wireName('ip6.arpa')

/** Writes a label of ASCII letters; returns the position behind it. */
function putLabel(name: Uint8Array, at: number, label: string): number {
  name[at] = label.length
  for (let i = 0; i < label.length; i++) name[at + 1 + i] = label.charCodeAt(i)
  return at + 1 + label.length
}

/** The labels of a name below an apex in lower case, the one next to the apex first. */
function labelsBelow(name: Uint8Array, apex: Uint8Array): string[] {
  if (!isAtOrBelow(name, 0, apex, 0)) return []
  const labels: string[] = []
  const end = name.length - apex.length
  for (let at = 0; at < end; at += (name[at] ?? 0) + 1) {
    const label = name.subarray(at + 1, at + 1 + (name[at] ?? 0))
    labels.push(Buffer.from(label).toString('latin1').toLowerCase())
  }
  return labels.reverse()
}
