import { hexOctets } from './rdata-binary.ts'
import type { RdataField } from './rdata-field.ts'

const GROUP = /^[0-9a-f]{1,4}$/i
const PAIR = /^[0-9a-f]{1,2}$/i
const NSAP = /^0x([0-9a-f.]+)$/i
const ATM_DIGITS = /^\+[0-9]+(?:\.[0-9]+)*$/
const ATM_OCTETS = /^[0-9a-f]+(?:\.[0-9a-f]+)*$/i
/** What the first octet of an ATMA says of the rest: an address as octets, or as digits (ATM Forum AF-SAA-0069 2.2.1). */
const ATM_FORMAT = { octets: 0, digits: 1 } as const

/** A hardware address of 6 or 8 octets with hyphens between (RFC 7043 3.2, 4.2). */
export function hardwareAddress(length: 6 | 8): RdataField {
  return {
    parse(tokens, out) {
      const pairs = tokens.text().split('-')
      if (pairs.length !== length || !pairs.every(pair => PAIR.test(pair)))
        return tokens.expected(`${length} octets in hex digits with hyphens between`)
      for (const pair of pairs) out.u8(Number.parseInt(pair, 16))
      tokens.index++
      return true
    },
    format: rdata => {
      const octets = rdata.take(length)
      return octets === undefined ? undefined : [...octets].map(octet => hexText(octet, 2)).join('-')
    },
  }
}

/** A locator or node identifier of 64 bits: four groups of hex digits (RFC 6742 2.1.2, 2.3.2). */
export const fourGroups: RdataField = {
  parse(tokens, out) {
    const groups = tokens.text().split(':')
    if (groups.length !== 4 || !groups.every(group => GROUP.test(group)))
      return tokens.expected('four groups of hex digits with colons between')
    for (const group of groups) out.u16(Number.parseInt(group, 16))
    tokens.index++
    return true
  },
  format: rdata => {
    const groups = Array.from({ length: 4 }, () => rdata.takeNumber(2))
    if (groups.includes(undefined)) return undefined
    return groups.map(group => hexText(group ?? 0, 4)).join(':')
  },
}

/** An OSI address to the end (RFC 1706 5): `0x` and hex digits, dots anywhere among them. */
export const nsapAddress: RdataField = {
  parse(tokens, out) {
    const octets = hexOctets((NSAP.exec(tokens.text())?.[1] ?? '').replaceAll('.', ''))
    if (octets === undefined) return tokens.expected('an NSAP address as 0x and hex digits, two an octet')
    out.put(octets)
    tokens.index++
    return true
  },
  format: rdata => {
    const octets = rdata.takeRest()
    return octets.length === 0 ? undefined : `0x${Buffer.from(octets).toString('hex')}`
  },
}

/** An ATM address to the end: `+` and the digits of E.164, or the octets of an AESA in hex digits. */
export const atmAddress: RdataField = {
  parse(tokens, out) {
    const text = tokens.text()
    const plain = text.replaceAll('.', '')
    const octets = ATM_OCTETS.test(text) ? hexOctets(plain) : undefined
    if (ATM_DIGITS.test(text)) {
      out.u8(ATM_FORMAT.digits)
      out.put(Buffer.from(plain.slice(1), 'latin1'))
    } else if (octets !== undefined) {
      out.u8(ATM_FORMAT.octets)
      out.put(octets)
    } else return tokens.expected('an ATM address as + and digits, or in hex digits')
    tokens.index++
    return true
  },
  format: rdata => {
    const format = rdata.takeNumber(1)
    const rest = Buffer.from(rdata.takeRest())
    if (format === ATM_FORMAT.octets && rest.length > 0) return rest.toString('hex')
    const digits = `+${rest.toString('latin1')}`
    return format === ATM_FORMAT.digits && ATM_DIGITS.test(digits) && !digits.includes('.')
      ? digits
      : undefined
  },
}

function hexText(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
