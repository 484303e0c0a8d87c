import { parseType } from '../../src/wire/codes.ts'
import { lowerCaseName, parseName } from '../../src/wire/name.ts'
import { FLAGS } from '../wire-reader.ts'
import { fits, type Name, textOf, wireOf } from './labels.ts'
import type { Random } from './random.ts'
import { DATA_TYPES } from './random-rdata.ts'
import type { World } from './random-world.ts'
import { inMixedCase, type ZoneRecord } from './random-zone.ts'

export interface Question {
  readonly name: Name
  /** The name as it is compared: wire form, lower case. */
  readonly qname: Buffer
  readonly type: string
  readonly qtype: number
  /** As it is sent, but for the id. */
  readonly query: Buffer
  /** What follows the header, as it must come back. */
  readonly asked: Buffer
  readonly flags: number
  /** Payload size of the OPT. */
  readonly edns: number | undefined
  readonly dnssecOk: boolean
}

const TYPES = [
  ...DATA_TYPES,
  'A',
  'A',
  'NS',
  'NS',
  'SOA',
  'DS',
  'DS',
  'CNAME',
  'DNAME',
  'ANY',
  'TYPE12345',
  ...['DNSKEY', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'SIG', 'NXT', 'CDS', 'CDNSKEY', 'MD', 'MF'],
] as const
const SIZES = [0, 512, 600, 900, 1220, 1232, 1400, 4096, 65_535] as const
const OTHER_LABELS = ['nope', 'zz', '*', '_x', 'A', '\x01', 'y'.repeat(63)] as const
const OPT = 41
const MAX_NAME_LENGTH = 255
const MAX_LABEL = 63
const DO_BIT = 0x8000

/** A question at, above, below or beside what is there, as a resolver or somebody curious would ask it. */
export function randomQuestion(world: World, random: Random): Question {
  const zone = random.pick(world.zones)
  const records = zone.records()
  const { owner, type } = random.pick(records)
  const base = random.weighted<Name>([
    [75, owner],
    [15, zone.target()],
    [10, zone.apex],
  ])
  const label = () => random.pick(random.chance(0.8) ? zone.labels : OTHER_LABELS)
  const name = random.weighted<Name>([
    [35, base],
    [20, [label(), ...base]],
    [8, [label(), label(), ...base]],
    [12, [label(), ...base.slice(1)]],
    [10, base.slice(1)],
    [5, base.slice(random.below(base.length + 1))],
    [5, ['*', ...base.slice(1)]],
    [5, longBelow(base, random)],
    [3, justFitting(records, random) ?? base],
  ])
  const asked = inMixedCase(fits(name) ? name : base, random)
  return question(asked, random.chance(0.5) ? type : random.pick(TYPES), random)
}

/** As long as a name can be, or nearly. */
function longBelow(base: Name, random: Random): Name {
  let name = base
  for (let tries = 8; tries > 0; tries--) {
    const longer = ['z'.repeat(random.pick([63, 40, 10, 1])), ...name]
    if (fits(longer)) name = longer
  }
  return name
}

function question(name: Name, type: string, random: Random): Question {
  const edns = random.chance(0.5) ? random.pick(SIZES) : undefined
  const flags = (random.chance(0.3) ? FLAGS.RD : 0) | (random.chance(0.1) ? FLAGS.CD : 0)
  return questionOf(name, type, { flags, edns, dnssecOk: random.chance(0.2) && edns !== undefined })
}

/** A name below a DNAME that becomes about 255 octets long (RFC 6672 2.2). */
function justFitting(records: readonly ZoneRecord[], random: Random): Name | undefined {
  const dnames = records.filter(({ type }) => type === 'DNAME')
  if (dnames.length === 0) return undefined
  const { owner, rdata } = random.pick(dnames)
  let room = MAX_NAME_LENGTH + random.between(-1, 2) - (parseName(rdata)?.length ?? 0)
  const labels: string[] = []
  for (; room > MAX_LABEL + 3; room -= 1 + MAX_LABEL) labels.push('z'.repeat(MAX_LABEL))
  if (room > MAX_LABEL + 1) labels.push('z')
  const last = room > MAX_LABEL + 1 ? room - 3 : room - 1
  return last > 0 ? [...labels, 'z'.repeat(last), ...owner] : undefined
}

/** Without flags or EDNS. */
export function plainQuestion(name: Name, type: string): Question {
  return questionOf(name, type, { flags: 0, edns: undefined, dnssecOk: false })
}

function questionOf(
  name: Name,
  type: string,
  { flags, edns, dnssecOk }: Pick<Question, 'flags' | 'edns' | 'dnssecOk'>,
): Question {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(flags, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(edns === undefined ? 0 : 1, 10)
  const tail = Buffer.alloc(4)
  const qtype = parseType(type) ?? 0
  tail.writeUInt16BE(qtype)
  tail.writeUInt16BE(1, 2)
  const wire = wireOf(name)
  const asked = Buffer.concat([wire, tail])
  const query = Buffer.concat([head, asked, edns === undefined ? Buffer.alloc(0) : optOf(edns, dnssecOk)])
  return { name, qname: Buffer.from(lowerCaseName(wire)), type, qtype, query, asked, flags, edns, dnssecOk }
}

function optOf(size: number, dnssecOk: boolean): Buffer {
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(OPT, 1)
  opt.writeUInt16BE(size, 3)
  opt.writeUInt16BE(dnssecOk ? DO_BIT : 0, 7)
  return opt
}

export function questionText({ name, type, flags, edns, dnssecOk }: Question): string {
  const rd = (flags & FLAGS.RD) === 0 ? '' : ' RD'
  const cd = (flags & FLAGS.CD) === 0 ? '' : ' CD'
  return `${textOf(name)} ${type}${rd}${cd}${edns === undefined ? '' : ` EDNS ${edns}`}${dnssecOk ? ' DO' : ''}`
}
