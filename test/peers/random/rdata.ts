import type { Dice } from './dice.ts'
import { rareRdata } from './rare-rdata.ts'
import type { Words } from './words.ts'

/** A kind of digest and its length in octets. */
type Digest = readonly [kind: number, length: number]

const SHA1: Digest = [1, 20]
const DS_DIGESTS: readonly Digest[] = [SHA1, [2, 32], [4, 48]]
const SSHFP_DIGESTS: readonly Digest[] = [SHA1, [2, 32]]
const ZONEMD_DIGESTS: readonly Digest[] = [
  [1, 48],
  [2, 64],
]
const TLSA_DATA: readonly Digest[] = [
  [0, 7],
  [0, 300],
  [1, 32],
  [2, 64],
]
const ALGORITHMS = ['5', '8', '10', '13', '14', '15', '16', 'RSASHA256', 'ecdsap256sha256', 'ED25519']
const TYPES = ['A', 'NS', 'SOA', 'MX', 'aaaa', 'TXT', 'CAA', 'TYPE65280', 'TYPE1234', 'SRV', 'TYPE255']

/** Rdata of each type that we have a notation for, as words: that of its type, or that of RFC 3597. */
export class RandomRdata {
  readonly types: readonly string[]
  readonly #dice: Dice
  readonly #words: Words
  readonly #makers: Readonly<Record<string, () => readonly string[]>>

  constructor(dice: Dice, words: Words) {
    this.#dice = dice
    this.#words = words
    const host = () => [words.name()]
    const preferred = () => [words.u16(), words.name()]
    const strings = () => dice.times(1 + dice.below(4), () => words.string())
    const key = () => [dice.pick(['256', '257']), '3', dice.pick(ALGORITHMS), ...words.base64(64)]
    const delegation = () => this.#digested([words.u16(), dice.pick(ALGORITHMS)], DS_DIGESTS)
    const certificate = () => this.#digested([words.number(4), words.number(2)], TLSA_DATA)
    const service = () => [words.u16(), words.name(), ...this.#svcParams()]
    this.#makers = {
      A: () => [words.ipv4()],
      AAAA: () => [words.ipv6()],
      NS: host,
      CNAME: host,
      DNAME: host,
      PTR: host,
      MX: preferred,
      AFSDB: preferred,
      TXT: strings,
      SPF: strings,
      HINFO: () => [words.string(), words.string()],
      RP: () => [words.name(), words.name()],
      SRV: () => [words.u16(), words.u16(), words.u16(), words.name()],
      NAPTR: () => this.#naptr(),
      CAA: () => [dice.pick(['0', '128']), dice.pick(['issue', 'issuewild', 'iodef']), words.string()],
      SSHFP: () => this.#digested([words.number(5)], SSHFP_DIGESTS),
      TLSA: certificate,
      SMIMEA: certificate,
      OPENPGPKEY: () => words.base64(40),
      URI: () => [words.u16(), words.u16(), words.quotedString(1)],
      LOC: () => this.#location(),
      DS: delegation,
      CDS: delegation,
      DNSKEY: key,
      CDNSKEY: key,
      CSYNC: () => [words.u32(), words.number(4), ...this.#typeList()],
      ZONEMD: () => this.#digested([words.u32(), '1'], ZONEMD_DIGESTS),
      SVCB: service,
      HTTPS: service,
      ...rareRdata(dice, words),
      TYPE65280: () => this.#generic(dice.below(40) + (words.dialect === 'plain' ? 1 : 0)),
      TYPE1: () => this.#generic(4),
      TYPE28: () => this.#generic(16),
      TYPE15: () => ['\\#', '5', '000a', '01', '6100'],
      TYPE16: () => ['\\#', '3', '02', '4100'],
      TYPE257: () => ['\\#', '8', '00056973737565', '78'],
    }
    this.types = Object.keys(this.#makers)
  }

  of(type: string): readonly string[] {
    return this.#makers[type]?.() ?? []
  }

  #generic(length: number): string[] {
    return ['\\#', String(length), ...this.#words.hex(length)]
  }

  #digested(head: readonly string[], kinds: readonly Digest[]): string[] {
    const [kind, length] = this.#dice.pick(kinds)
    return [...head, String(kind), ...this.#words.hex(length)]
  }

  #naptr(): string[] {
    const flags = this.#dice.pick(['"u"', '"S"', 'a', '""'])
    const services = this.#dice.pick(['"E2U+sip"', 'SIP+D2U', '""'])
    const regexps = ['""', '"!^.*$!sip:info@example.com!"', '"!^(.*)$!sip:\\\\1@example.com!i"']
    return [
      this.#words.u16(),
      this.#words.u16(),
      flags,
      services,
      this.#dice.pick(regexps),
      this.#words.name(),
    ]
  }

  #typeList(): string[] {
    const some = this.#dice.shuffled(TYPES.filter(() => this.#dice.chance(0.4)))
    return this.#words.dialect === 'plain' ? ['RP', ...some] : some
  }

  #svcParams(): string[] {
    const dice = this.#dice
    const params = [
      dice.pick(['alpn=h2', 'alpn="h2,h3"', 'alpn=h3-29,http/1.1']),
      'no-default-alpn',
      `port=${this.#words.u16()}`,
      dice.pick(['ipv4hint=192.0.2.1', 'ipv4hint=192.0.2.1,192.0.2.2', 'ipv4hint="192.0.2.7"']),
      `ech=${this.#words.base64(30).join('')}`,
      dice.pick(['ipv6hint=2001:db8::1', 'ipv6hint=2001:db8::1,2001:DB8::2', 'ipv6hint=::']),
      dice.pick(['key65000', 'key65000=abc', 'key65000="a b\\"c"', 'key65000=\\001\\255x']),
      'mandatory=alpn,port',
    ]
    // The first three always: others ask for them.
    const chosen = params.filter((_, index) => index < 3 || dice.chance(0.4))
    return dice.chance(0.2) ? [] : dice.shuffled(chosen)
  }

  #location(): string[] {
    const altitude = this.#dice.pick(['0', '-100000.00m', '10m', '-2.5', '42849672.95m', '100.25m'])
    const precisions = ['1m', '30.00m', '10000m', '90000000.00m', '0.05', '0']
    const more = this.#dice.times(this.#dice.below(4), () => this.#dice.pick(precisions))
    return [...this.#angle(90, 'NS'), ...this.#angle(180, 'EW'), altitude, ...more]
  }

  #angle(degrees: number, sides: string): string[] {
    const seconds = this.#dice.pick([this.#words.number(60), '59.999', '7.5', '0.25'])
    const all = [this.#words.number(degrees), this.#words.number(60), seconds]
    const parts = this.#words.dialect === 'plain' ? all : all.slice(0, 1 + this.#dice.below(3))
    return [...parts, this.#dice.pick(sides)]
  }
}
