import type { Dice } from './dice.ts'
import type { Words } from './words.ts'

type Makers = Readonly<Record<string, () => readonly string[]>>

/** Types that ldns 1.8 does not know, or reads otherwise (test/peers/types.test.ts says how), or gives another TTL. */
const NOT_FOR_LDNS: ReadonlySet<string> = new Set(
  'A6 AMTRELAY ATMA AVC BRID CERT DOA DSYNC HHIT IPSECKEY KEY NINFO NSAP-PTR NXT RESINFO RKEY RRSIG SIG SINK TA WALLET'.split(
    ' ',
  ),
)
const COVERED = ['A', 'NS', 'MX', 'AAAA', 'TYPE65280', 'txt'] as const
const OLD_TYPES = ['A', 'NS', 'SOA', 'MX', 'SIG', 'KEY', 'NXT'] as const
const PREFIXES = [
  '1:192.0.2.0/24',
  '!1:192.0.2.128/25',
  '2:2001:db8::/32',
  '!2:2001:DB8:1::/48',
  '1:0.0.0.0/0',
]
const HASH = '2t7b4g4vsa5smi47k61mv5bv1a22bojr'

/** Rdata of the types that few zones have, as words. */
export function rareRdata(dice: Dice, words: Words): Makers {
  const host = () => [words.name()]
  const preferred = () => [words.u16(), words.name()]
  const twoNames = () => [words.name(), words.name()]
  const strings = () => dice.times(1 + dice.below(4), () => words.string())
  const digits = () => String(1e9 + dice.below(1e9))
  const group = () => dice.below(65_536).toString(16).padStart(4, '0')
  const groups = () => dice.times(4, group).join(':')
  const pairs = (length: number) =>
    dice.times(length, () => dice.below(256).toString(16).padStart(2, '0')).join('-')
  const hexWord = (length: number) => words.hex(length).join('')
  const moment = () => `20${10 + dice.below(80)}0${1 + dice.below(9)}1${dice.below(10)}0${dice.below(10)}5959`
  const algorithm = () => dice.pick(['5', '8', '13', 'RSASHA256', 'ed25519'])
  /** BIND of 2026 takes no signature over fewer labels than its signer has. */
  const signer = () =>
    dice.pick([
      [words.number(9), '.'],
      [`${128 + dice.below(128)}`, words.name()],
    ] as const)
  const signature = () => {
    const [labels, name] = signer()
    const times = [words.u32(), moment(), moment()]
    return [dice.pick(COVERED), algorithm(), labels, ...times, words.u16(), name, ...words.base64(40)]
  }
  const digest = () => [words.u16(), dice.pick(['5', '8']), '1', ...words.hex(20)]
  const gateway = () =>
    dice.pick([
      ['0', '.'],
      ['1', words.ipv4()],
      ['2', words.ipv6()],
      ['3', words.name()],
    ])
  const salt = () => dice.pick(['-', 'aabb', 'AABBCCDD'])
  const a6 = () =>
    dice.pick([
      ['0', words.ipv6()],
      ['64', '::1234:5678:9abc:def0', words.name()],
      ['61', '::7:0:0:1', words.name()],
      ['128', words.name()],
    ])
  const makers: Makers = {
    MB: host,
    MG: host,
    MR: host,
    NULL: () => ['\\#', '3', ...words.hex(3)],
    WKS: () => [
      words.ipv4(),
      dice.pick(['TCP', 'udp', '6']),
      words.number(1000),
      dice.pick(['25', '53', '443']),
    ],
    MINFO: twoNames,
    X25: () => [dice.chance(0.5) ? digits() : `"${digits()}"`],
    ISDN: () => dice.times(1 + dice.below(2), () => words.string()),
    RT: preferred,
    NSAP: () => [`0x${hexWord(1 + dice.below(20))}`],
    'NSAP-PTR': host,
    SIG: signature,
    RRSIG: signature,
    KEY: () => [
      dice.pick(['256', '512', 'ZONE']),
      dice.pick(['3', 'DNSSEC']),
      algorithm(),
      ...words.base64(40),
    ],
    PX: () => [words.u16(), words.name(), words.name()],
    GPOS: () => ['"-32.6882"', words.number(90), '10.0'],
    NXT: () => [words.name(), ...OLD_TYPES.filter(() => dice.chance(0.5)), 'NXT'],
    EID: () => words.hex(1 + dice.below(20)),
    NIMLOC: () => words.hex(1 + dice.below(20)),
    ATMA: () => [dice.pick([`+${digits()}`, hexWord(19), `${hexWord(2)}.${hexWord(2)}`])],
    KX: preferred,
    CERT: () => [dice.pick(['PKIX', 'pgp', '65534', '253']), words.u16(), algorithm(), ...words.base64(40)],
    A6: a6,
    SINK: () => [words.number(256), words.number(256), words.number(256), ...words.base64(20)],
    APL: () => dice.times(1 + dice.below(3), () => dice.pick(PREFIXES)),
    IPSECKEY: () => {
      const [kind = '', name = ''] = gateway()
      return [words.number(256), kind, words.number(4), name, ...words.base64(40)]
    },
    NSEC: () => [words.name(), ...COVERED.filter(() => dice.chance(0.5)), 'NSEC'],
    DHCID: () => words.base64(40),
    NSEC3: () => ['1', words.number(2), words.u16(), salt(), HASH, ...COVERED.filter(() => dice.chance(0.5))],
    NSEC3PARAM: () => ['1', words.number(2), words.u16(), salt()],
    HIP: () => [
      words.number(4),
      hexWord(16),
      words.base64(40).join(''),
      ...dice.times(dice.below(3), () => words.name()),
    ],
    NINFO: strings,
    RKEY: () => ['0', words.number(256), algorithm(), ...words.base64(40)],
    TALINK: twoNames,
    DSYNC: () => [dice.pick(['CDS', 'CSYNC']), dice.pick(['NOTIFY', '1', '200']), words.u16(), words.name()],
    HHIT: () => words.base64(40),
    BRID: () => words.base64(40),
    NID: () => [words.u16(), groups()],
    L32: () => [words.u16(), words.ipv4()],
    L64: () => [words.u16(), groups()],
    LP: preferred,
    EUI48: () => [pairs(6)],
    EUI64: () => [pairs(8)],
    AVC: strings,
    DOA: () => [words.u32(), words.u32(), words.number(256), words.string(), dice.pick(['-', 'AQID'])],
    AMTRELAY: () => {
      const [kind = '', name = ''] = gateway()
      return [words.number(256), words.number(2), kind, name]
    },
    RESINFO: strings,
    WALLET: strings,
    TA: digest,
    DLV: digest,
  }
  if (words.dialect === 'full') return makers
  return Object.fromEntries(Object.entries(makers).filter(([type]) => !NOT_FOR_LDNS.has(type)))
}
