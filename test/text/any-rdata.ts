/** Well-formed rdata of every type that has a notation, made up by fast-check. */
import fc from 'fast-check'

const octet = fc.nat(255)
const octets = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints).map(array => [...array])
const number = (width: 1 | 2 | 4) => octets({ minLength: width, maxLength: width })
const string = octets({ maxLength: 255 }).map(content => [content.length, ...content])
const some = octets({ minLength: 1, maxLength: 300 })
const label = octets({ minLength: 1, maxLength: 63 }).map(content => [content.length, ...content])
const name = fc.array(label, { maxLength: 3 }).map(labels => [...labels.flat(), 0])
const strings = fc.array(string, { minLength: 1, maxLength: 4 }).map(parts => parts.flat())
const bitmap = fc
  .uniqueArray(fc.tuple(octet, octets({ minLength: 1, maxLength: 31 })), {
    maxLength: 4,
    selector: ([window]) => window,
  })
  .map(windows =>
    windows.sort(([a], [b]) => a - b).flatMap(([window, bits]) => [window, bits.length + 1, ...bits, 1]),
  )
const tag = fc.stringMatching(/^[0-9a-z]{1,20}$/).map(text => [text.length, ...Buffer.from(text)])
const digest = (lengths: Record<number, number>) =>
  octet.chain(type =>
    octets({ minLength: lengths[type] ?? 1, maxLength: lengths[type] ?? 99 }).map(hash => [type, ...hash]),
  )
const location = fc
  .tuple(
    fc.constant([0, 0x12, 0x16, 0x13]),
    between(2 ** 31, 324_000_000),
    between(2 ** 31, 648_000_000),
    number(4),
  )
  .map(parts => parts.flat())
const params = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 9, max: 65_534 }), octets({ maxLength: 50 })), {
    maxLength: 4,
    selector: ([key]) => key,
  })
  .map(list =>
    list
      .sort(([a], [b]) => a - b)
      .flatMap(([key, value]) => [key >> 8, key & 255, 0, value.length, ...value]),
  )
const tlsa = [number(1), number(1), digest({ 1: 32, 2: 64 })]
const ds = [number(2), number(1), digest({ 1: 20, 2: 32, 4: 48 })]

/** Well-formed rdata of every type that has a notation, field by field. */
export const FIELDS: Readonly<Record<string, readonly fc.Arbitrary<number[]>[]>> = {
  A: [number(4)],
  AAAA: [octets({ minLength: 16, maxLength: 16 })],
  NS: [name],
  CNAME: [name],
  DNAME: [name],
  PTR: [name],
  SOA: [name, name, number(4), number(4), number(4), number(4), number(4)],
  MX: [number(2), name],
  TXT: [strings],
  SPF: [strings],
  HINFO: [string, string],
  RP: [name, name],
  AFSDB: [number(2), name],
  SRV: [number(2), number(2), number(2), name],
  NAPTR: [number(2), number(2), string, string, string, name],
  CAA: [number(1), tag, octets({ maxLength: 300 })],
  SSHFP: [number(1), digest({ 1: 20, 2: 32 })],
  TLSA: tlsa,
  SMIMEA: tlsa,
  OPENPGPKEY: [some],
  URI: [number(2), number(2), octets({ maxLength: 300 })],
  LOC: [location],
  DS: ds,
  CDS: ds,
  DNSKEY: [number(2), number(1), number(1), some],
  CDNSKEY: [number(2), number(1), number(1), some],
  CSYNC: [number(4), number(2), bitmap],
  ZONEMD: [number(4), number(1), digest({ 1: 48, 2: 64 })],
  SVCB: [number(2), name, params],
  HTTPS: [number(2), name, params],
}

/** Octets of rdata with these fields. */
export function rdataOf(fields: readonly fc.Arbitrary<number[]>[]): fc.Arbitrary<Uint8Array> {
  return fc.tuple(...fields).map(parts => Uint8Array.from(parts.flat()))
}

/** Four octets of a number within `distance` of `middle`. */
function between(middle: number, distance: number): fc.Arbitrary<number[]> {
  return fc
    .integer({ min: middle - distance, max: middle + distance })
    .map(value => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255])
}
