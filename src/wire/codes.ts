/** Numbers of the DNS protocol (IANA "Domain Name System (DNS) Parameters"). */

export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const

export const OPCODE = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  NOTAUTH: 9,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  NXNAME: 128,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const

const TYPE_MNEMONIC = new Map<number, string>(
  Object.entries(TYPE).map(([mnemonic, code]) => [code, mnemonic]),
)

/** The mnemonic of a type, or `TYPEn` (RFC 3597 5). */
export function typeText(type: number): string {
  return TYPE_MNEMONIC.get(type) ?? `TYPE${type}`
}

/** Reads a type's mnemonic or `TYPEn`, in any case; undefined where it is neither. */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase()
  const known = (TYPE as Readonly<Record<string, number>>)[upper]
  if (known !== undefined) return known
  const generic = /^TYPE(0|[1-9][0-9]{0,4})$/.exec(upper)?.[1]
  return generic !== undefined && Number(generic) <= 65_535 ? Number(generic) : undefined
}
