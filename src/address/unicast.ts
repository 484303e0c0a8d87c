import { parseIpv4 } from './ipv4.ts'
import { addressOctets, type Prefix, parsePrefix, prefixContains } from './prefix.ts'
import { specialPurpose } from './special-purpose.ts'

const DOCUMENTATION = ['2001:db8::/32', '3fff::/20'].map(known) // RFC 3849, RFC 9637
const GLOBAL = known('2000::/3') // RFC 4291 2.4, as far as IANA has given it out
/** Parts of it that nobody can be given: IETF protocols with Teredo among them (RFC 2928), 6to4 (RFC 3056). */
const SPECIAL = ['2001::/23', '2002::/16'].map(known)

/** Says whether an IPv6 prefix can be routed on the public Internet, or is set aside for documentation or otherwise. */
export function unicastKind({ octets }: Prefix): 'global' | 'documentation' | 'special' {
  if (DOCUMENTATION.some(block => prefixContains(block, octets))) return 'documentation'
  const isGlobal = prefixContains(GLOBAL, octets) && !SPECIAL.some(block => prefixContains(block, octets))
  return isGlobal ? 'global' : 'special'
}

/** Whether an address as text, IPv4 or IPv6, is one that hosts on the public Internet have. */
export function isGlobalUnicast(text: string): boolean {
  const octets = addressOctets(text)
  if (octets === undefined) return false
  if (octets.length === 16) return unicastKind({ octets, length: 128 }) === 'global'
  const ipv4 = parseIpv4(text)
  return ipv4 !== undefined && specialPurpose(ipv4) === undefined
}

function known(text: string): Prefix {
  return parsePrefix(text) ?? { octets: new Uint8Array(16), length: 128 }
}
