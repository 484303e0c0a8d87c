import { MAX_UINT16, readDecimal } from './decimal.ts'
import type { RdataField } from './rdata-field.ts'

/** Words that stand for numbers; a map and no object: `constructor` is no algorithm. */
type Mnemonics = ReadonlyMap<string, number>

/** DNSSEC algorithms (IANA "DNS Security Algorithm Numbers"). */
const ALGORITHMS: Mnemonics = new Map([
  ['RSAMD5', 1],
  ['DH', 2],
  ['DSA', 3],
  ['RSASHA1', 5],
  ['NSEC3DSA', 6],
  ['DSA-NSEC3-SHA1', 6],
  ['NSEC3RSASHA1', 7],
  ['RSASHA1-NSEC3-SHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECCGOST', 12],
  ['ECC-GOST', 12],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
  ['INDIRECT', 252],
  ['PRIVATEDNS', 253],
  ['PRIVATEOID', 254],
])

/** Digests of DS (IANA "DS RR Type Digest Algorithms"), as BIND writes them with a hyphen and without. */
const DIGESTS: Mnemonics = new Map([
  ['SHA1', 1],
  ['SHA-1', 1],
  ['SHA256', 2],
  ['SHA-256', 2],
  ['GOST', 3],
  ['SHA384', 4],
  ['SHA-384', 4],
])

/** Kinds of certificates (RFC 4398 2.1). */
const CERTIFICATES: Mnemonics = new Map([
  ['PKIX', 1],
  ['SPKI', 2],
  ['PGP', 3],
  ['IPKIX', 4],
  ['ISPKI', 5],
  ['IPGP', 6],
  ['ACPKIX', 7],
  ['IACPKIX', 8],
  ['URI', 253],
  ['OID', 254],
])

/** Protocols of a key (RFC 2535 3.1.3); only DNSSEC is left of them (RFC 3445 4). */
const PROTOCOLS: Mnemonics = new Map([
  ['NONE', 0],
  ['TLS', 1],
  ['EMAIL', 2],
  ['DNSSEC', 3],
  ['IPSEC', 4],
  ['ALL', 255],
])

/** Flags of a key (RFC 2535 3.1.2), to be joined with a bar. */
const KEY_FLAGS: Mnemonics = new Map([
  ['NOCONF', 0x4000],
  ['NOAUTH', 0x8000],
  ['NOKEY', 0xc000],
  ['FLAG2', 0x2000],
  ['EXTEND', 0x1000],
  ['FLAG4', 0x0800],
  ['FLAG5', 0x0400],
  ['USER', 0x0000],
  ['ZONE', 0x0100],
  ['HOST', 0x0200],
  ['NTYP3', 0x0300],
  ['FLAG8', 0x0080],
  ['FLAG9', 0x0040],
  ['FLAG10', 0x0020],
  ['FLAG11', 0x0010],
  ...Array.from({ length: 16 }, (_, number): [string, number] => [`SIG${number}`, number]),
])

/** How a parent wants to be told (RFC 9859 2.1). */
const SCHEMES: Mnemonics = new Map([['NOTIFY', 1]])

/** A DNSSEC algorithm, as a number or a mnemonic (RFC 4034 2.2). */
export const algorithm = mnemonic('an algorithm', 1, ALGORITHMS)
export const digestType = mnemonic('a digest type', 1, DIGESTS)
export const certificateType = mnemonic('a certificate type', 2, CERTIFICATES)
export const keyProtocol = mnemonic('a protocol', 1, PROTOCOLS)
export const syncScheme = mnemonic('a scheme', 1, SCHEMES)

/** The flags of a key: a number, or words that are put together as in `ZONE|SIG1`. */
export const keyFlags: RdataField = {
  parse(tokens, out) {
    const number = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
    const value = number ?? sumOfFlags(tokens.text())
    if (value === undefined || value > MAX_UINT16) return tokens.expected('flags, a number or mnemonics')
    out.u16(value)
    tokens.index++
    return true
  },
  format: rdata => rdata.takeNumber(2)?.toString(),
}

function sumOfFlags(text: string): number | undefined {
  let sum = 0
  for (const word of text.toUpperCase().split('|')) {
    const flag = KEY_FLAGS.get(word)
    if (flag === undefined) return undefined
    sum |= flag
  }
  return sum
}

function mnemonic(what: string, width: 1 | 2, mnemonics: Mnemonics): RdataField {
  const max = 2 ** (8 * width) - 1
  return {
    parse(tokens, out) {
      const number = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
      const value = number ?? mnemonics.get(tokens.text().toUpperCase())
      if (value === undefined || value > max) return tokens.expected(`${what}, a number or a mnemonic`)
      if (width === 1) out.u8(value)
      else out.u16(value)
      tokens.index++
      return true
    },
    format: rdata => rdata.takeNumber(width)?.toString(),
  }
}
