import { escaped, type Name, textOf } from './labels.ts'
import type { Random } from './random.ts'
import { generic, OCTET_RDATA } from './random-octets.ts'

interface Source {
  readonly random: Random
  /** A name that rdata may point at. */
  target(): Name
}

const TAGS = ['issue', 'issuewild', 'iodef'] as const
const SVC_PARAMS = [
  'alpn=h2,h3',
  'port=8443',
  'ipv4hint=192.0.2.1,192.0.2.2',
  'ipv6hint=2001:db8::1',
] as const
const MAX_STRING = 255

/** Random rdata in master-file notation, for every type that zones here are filled with. */
const RDATA: Readonly<Record<string, (source: Source) => string>> = {
  A: ({ random }) => `192.0.2.${random.below(256)}`,
  AAAA: ({ random }) => `2001:db8::${random.below(65_536).toString(16)}`,
  NS: ({ target }) => textOf(target()),
  CNAME: ({ target }) => textOf(target()),
  DNAME: ({ target }) => textOf(target()),
  PTR: ({ target }) => textOf(target()),
  MX: ({ random, target }) => `${random.below(100)} ${textOf(target())}`,
  SRV: ({ random, target }) =>
    `${random.below(9)} ${random.below(9)} ${random.below(65_536)} ${textOf(target())}`,
  TXT: ({ random }) =>
    random.list(random.between(1, 3), () => string(random, random.pick([0, 1, 7, 30, MAX_STRING]))).join(' '),
  HINFO: ({ random }) => `${string(random, random.below(9))} ${string(random, random.below(9))}`,
  RP: ({ target }) => `${textOf(target())} ${textOf(target())}`,
  AFSDB: ({ random, target }) => `${random.below(3)} ${textOf(target())}`,
  NAPTR: ({ random, target }) =>
    `${random.below(100)} ${random.below(100)} "u" ${string(random, random.below(12))} "!^.*$!x!" ${textOf(target())}`,
  LOC: ({ random }) =>
    `${random.below(90)} ${random.below(60)} 7.500 N ${random.below(180)} 0 1.000 W ${random.below(999)}m`,
  DS: ({ random }) => `${random.below(65_536)} 8 2 ${hex(random, 32)}`,
  SSHFP: ({ random }) => `4 2 ${hex(random, 32)}`,
  TLSA: ({ random }) => `3 1 1 ${hex(random, 32)}`,
  OPENPGPKEY: ({ random }) => random.octets(random.between(1, 40)).toString('base64'),
  SPF: ({ random }) => string(random, random.below(40)),
  CAA: ({ random }) => `${random.pick([0, 128])} ${random.pick(TAGS)} ${string(random, random.below(30))}`,
  URI: ({ random }) => `${random.below(9)} ${random.below(9)} ${string(random, random.between(1, 30))}`,
  SVCB: ({ random, target }) =>
    random.chance(0.3)
      ? `0 ${textOf(target())}`
      : `${random.between(1, 9)} ${textOf(target())} ${random.pick(SVC_PARAMS)}`,
  HTTPS: ({ random, target }) =>
    random.chance(0.3)
      ? `0 ${textOf(target())}`
      : `1 ${random.chance(0.5) ? '.' : textOf(target())} ${random.pick(SVC_PARAMS)}`,
  ...OCTET_RDATA,
  TYPE731: ({ random }) => generic(random.octets(random.below(5))),
  TYPE65280: ({ random }) => generic(random.octets(random.below(20))),
}

/** Types of data that stand by themselves: no alias, no cut. */
export const DATA_TYPES: readonly string[] = Object.keys(RDATA).filter(
  type => !['NS', 'CNAME', 'DNAME', 'DS'].includes(type),
)

export function rdataOf(type: string, source: Source): string {
  const make = RDATA[type]
  if (make === undefined) throw new Error(`no rdata of type ${type} are made here`)
  return make(source)
}

function string(random: Random, length: number): string {
  const octets = random.chance(0.2)
    ? random.octets(length)
    : Buffer.alloc(length, random.pick(['a', 'Q', '.', ' ']))
  return `"${escaped(octets.toString('latin1'))}"`
}

function hex(random: Random, length: number): string {
  return random.octets(length).toString('hex')
}
