import { type Prefix, parsePrefix, prefixContains } from './prefix.ts'

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

function known(text: string): Prefix {
  return parsePrefix(text) ?? { octets: new Uint8Array(16), length: 128 }
}
