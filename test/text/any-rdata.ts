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
const tlsa = [number(1), number(1), number(1), some]
const hash = octets({ minLength: 1, maxLength: 40 }).map(content => [content.length, ...content])
const digits = fc.stringMatching(/^[0-9]{4,20}$/)
const nothing = octets({ maxLength: 0 })
const signature = [number(2), number(1), number(1), number(4), number(4), number(4), number(2), name, some]
const gateway = fc.oneof(
  ...[nothing, number(4), octets({ minLength: 16, maxLength: 16 }), name].map((content, kind) =>
    fc.tuple(number(1), content).map(([algorithm, octets]) => ({ kind, algorithm, octets })),
  ),
)
const ports = fc
  .tuple(octet, octets({ maxLength: 40 }), fc.boolean())
  .map(([protocol, bits, any]) => (any ? [protocol, ...bits, 1] : [protocol]))
const prefix = fc
  .tuple(fc.constantFrom(4, 16), octet, octets({ maxLength: 16 }), fc.boolean())
  .map(([length, bits, content, negated]) => {
    const part = [...content.slice(0, length - 1), 1]
    return [0, length === 4 ? 1 : 2, bits % (length * 8 + 1), part.length | (negated ? 0x80 : 0), ...part]
  })
const a6 = fc
  .tuple(fc.nat(128), octets({ minLength: 16, maxLength: 16 }), name)
  .map(([bits, address, prefix]) => {
    const suffix = address.slice(16 - Math.ceil((128 - bits) / 8))
    if (suffix.length > 0) suffix[0] = (suffix[0] ?? 0) & (0xff >> (bits % 8))
    return [bits, ...suffix, ...(bits === 0 ? [] : prefix)]
  })
const identity = fc
  .tuple(octet, octets({ minLength: 1, maxLength: 255 }), some, fc.array(name, { maxLength: 3 }))
  .map(([algorithm, tag, key, servers]) => [
    tag.length,
    algorithm,
    key.length >> 8,
    key.length & 255,
    ...tag,
    ...key,
    ...servers.flat(),
  ])
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
  SSHFP: [number(1), number(1), some],
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
  ZONEMD: [number(4), number(1), number(1), some],
  MD: [name],
  MF: [name],
  MB: [name],
  MG: [name],
  MR: [name],
  WKS: [number(4), ports],
  MINFO: [name, name],
  X25: [digits.map(text => [text.length, ...Buffer.from(text)])],
  ISDN: [string, fc.oneof(string, nothing)],
  RT: [number(2), name],
  NSAP: [some],
  'NSAP-PTR': [name],
  SIG: signature,
  RRSIG: signature,
  KEY: [fc.constant([1, 0]), number(1), number(1), some],
  PX: [number(2), name, name],
  GPOS: [string, string, string],
  NXT: [name, octets({ minLength: 14, maxLength: 14 }).map(bits => [1, ...bits, 1])],
  EID: [some],
  NIMLOC: [some],
  ATMA: [
    fc.oneof(
      some.map(address => [0, ...address]),
      digits.map(text => [1, ...Buffer.from(text)]),
    ),
  ],
  KX: [number(2), name],
  CERT: [number(2), number(2), number(1), some],
  A6: [a6],
  SINK: [number(1), number(1), number(1), fc.oneof(some, nothing)],
  APL: [fc.array(prefix, { minLength: 1, maxLength: 4 }).map(items => items.flat())],
  IPSECKEY: [number(1), gateway.map(({ kind, algorithm, octets }) => [kind, ...algorithm, ...octets]), some],
  AMTRELAY: [
    number(1),
    gateway.map(({ kind, algorithm: [bit = 0], octets }) => [(bit & 128) | kind, ...octets]),
  ],
  NSEC: [name, bitmap],
  NSEC3: [number(1), number(1), number(2), string, hash, bitmap],
  NSEC3PARAM: [number(1), number(1), number(2), string],
  DHCID: [some],
  HIP: [identity],
  NINFO: [strings],
  RKEY: [fc.constant([0, 0]), number(1), number(1), some],
  TALINK: [name, name],
  DSYNC: [number(2), number(1), number(2), name],
  HHIT: [some],
  BRID: [some],
  NID: [number(2), number(4), number(4)],
  L32: [number(2), number(4)],
  L64: [number(2), number(4), number(4)],
  LP: [number(2), name],
  EUI48: [number(4), number(2)],
  EUI64: [number(4), number(4)],
  AVC: [strings],
  DOA: [number(4), number(4), number(1), string, fc.oneof(some, nothing)],
  RESINFO: [strings],
  WALLET: [strings],
  TA: ds,
  DLV: ds,
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
