import { formatIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { addressOctets } from '../address/prefix.ts'
import { uint32 } from '../wire/octets.ts'
import type { RdataField } from './rdata-field.ts'
import type { RdataReader } from './rdata-reader.ts'

/** Octets of an address, by its family (IANA "Address Family Numbers"). */
const LENGTHS: Readonly<Record<number, number>> = { 1: 4, 2: 16 }
/** Family, prefix length, and the length of the address. */
const ITEM_HEAD = 4
const NEGATION = 0x80
const ITEM = /^(!?)([12]):([0-9a-f:.]+)\/([0-9]{1,3})$/i

/** Prefixes, each perhaps negated, or none (RFC 3123 4, 5): `!1:192.0.2.0/24`. Zero octets at the end are left out. */
export const addressPrefixes: RdataField = {
  parse(tokens, out) {
    for (; tokens.hasMore; tokens.index++) {
      const octets = itemOctets(tokens.text())
      if (octets === undefined) return tokens.expected('a prefix as 1:192.0.2.0/24 or !2:2001:db8::/32')
      out.put(octets)
    }
    return true
  },
  format: rdata => {
    const texts: string[] = []
    while (rdata.left > 0) {
      const text = formatItem(rdata)
      if (text === undefined) return undefined
      texts.push(text)
    }
    return texts.join(' ')
  },
}

function itemOctets(text: string): Uint8Array | undefined {
  const [, negation, family, address = '', bits] = ITEM.exec(text) ?? []
  const octets = addressOctets(address)
  if (octets?.length !== LENGTHS[Number(family)] || octets === undefined) return undefined
  if (Number(bits) > octets.length * 8) return undefined
  const length = octets.findLastIndex(octet => octet !== 0) + 1
  const flag = negation === '!' ? NEGATION : 0
  return Uint8Array.of(0, Number(family), Number(bits), flag | length, ...octets.subarray(0, length))
}

function formatItem(rdata: RdataReader): string | undefined {
  if (rdata.left < ITEM_HEAD) return undefined
  const family = rdata.takeNumber(2) ?? 0
  const bits = rdata.takeNumber(1) ?? 0
  const octet = rdata.takeNumber(1) ?? 0
  const part = rdata.take(octet & ~NEGATION)
  const length = LENGTHS[family] ?? 0
  if (part === undefined || length === 0 || part.length > length || bits > length * 8 || part.at(-1) === 0)
    return undefined
  const octets = new Uint8Array(length)
  octets.set(part)
  const address = length === 4 ? formatIpv4(uint32(octets, 0)) : formatIpv6(octets)
  return `${octet >= NEGATION ? '!' : ''}${family}:${address}/${bits}`
}
