/** Messages as a stranger may send them: nearly right, wrong in one of the known ways, or junk. */
import fc from 'fast-check'
import { changed, changes } from './fuzz.ts'

/** Octets of a datagram's payload at most: 65,535 less the headers of IPv4 and UDP. */
const LONGEST_DATAGRAM = 65_507
const LONGEST_MESSAGE = 65_535
const MAX_POINTER = 0x3fff
const HEADER_LENGTH = 12
/** The shortest question, of the root, and the shortest record, a pointer for its owner and no rdata. */
const QUESTION_LENGTH = 5
const RECORD_LENGTH = 12

const word = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom('example', 'w', 'd', 'sub', 'ns', 'loop', 'many', 'c', 'mail', 'x', '*'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('EXAMPLE', 'a.b', '\0', ' ', '\xff', 'version', 'bind', 'id', 'server'),
  },
  { weight: 2, arbitrary: fc.constantFrom('l'.repeat(62), 'l'.repeat(63)) },
)
const label = fc.oneof(
  { weight: 9, arbitrary: word.map(text => Buffer.from(text, 'latin1')) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 63 }).map(octets => Buffer.from(octets)) },
)
/** Uncompressed; one in some is longer than 255 octets. */
const name = fc.oneof(
  { weight: 12, arbitrary: fc.array(label, { maxLength: 6 }).map(labels => nameOf(...labels, 'example')) },
  { weight: 2, arbitrary: fc.array(label, { maxLength: 3 }).map(labels => nameOf(...labels)) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 120, max: 128 }).map(count => nameOf(...Array<string>(count).fill('x'))),
  },
)
/** A pointer to anywhere, a label that never ends, a label type that nobody has. */
const trickyName = fc.oneof(
  fc.nat(0x3fff).map(target => Buffer.of(0xc0 | (target >> 8), target & 255)),
  fc.constantFrom(0, 2, 11, 12, 13).map(target => Buffer.of(0xc0, target)),
  fc
    .tuple(label, fc.nat(0xff))
    .map(([octets, target]) => Buffer.concat([lengthened(octets), Buffer.of(0xc0, target)])),
  fc.constantFrom(0x40, 0x41, 0x80, 0xbf, 0x3f).map(octet => Buffer.of(octet)),
)

const type = fc.oneof(
  fc.constantFrom(1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 43, 46, 47, 50, 64, 65, 99),
  fc.constantFrom(0, 41, 128, 249, 250, 251, 252, 253, 254, 255, 256, 1000, 65_535),
  fc.nat(65_535),
)
const qclass = fc.oneof(
  { weight: 8, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.constantFrom(0, 3, 4, 254, 255, 65_535) },
)

/** Codes with and without a meaning, and lengths right, wrong, and longer than what follows. */
const option = fc
  .record({
    code: fc.oneof(fc.constantFrom(3, 8, 9, 10, 11, 12, 13, 15, 18, 19, 100, 65_001), fc.nat(65_535)),
    data: fc.oneof(
      fc.constantFrom(0, 1, 2, 7, 8, 9, 15, 16, 24, 40, 41).map(length => Buffer.alloc(length, 7)),
      fc.uint8Array({ maxLength: 48 }),
    ),
    lie: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) },
    ),
  })
  .map(({ code, data, lie }) => Buffer.concat([uint16(code), uint16(data.length + lie), data]))

const opt = fc
  .record({
    owner: mostly(Buffer.of(0), trickyName),
    size: fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1232, 1233, 4096, 65_535), fc.nat(65_535)),
    rcode: mostly(0, fc.nat(255)),
    version: mostly(0, fc.constantFrom(1, 2, 100, 255)),
    flags: fc.constantFrom(0, 0x8000, 0x4000, 0x0040, 0xffff),
    options: fc.array(option, { maxLength: 3 }),
    lie: mostly(0, fc.integer({ min: -20, max: 40 })),
  })
  .map(({ owner, size, rcode, version, flags, options, lie }) => {
    const rdata = Buffer.concat(options)
    const ttl = Buffer.concat([Buffer.of(rcode, version), uint16(flags)])
    return Buffer.concat([owner, uint16(41), uint16(size), ttl, uint16(rdata.length + lie), rdata])
  })

const tsig = fc
  .record({
    owner: fc.oneof(name, trickyName),
    qclass: mostly(255, fc.nat(255)),
    ttl: mostly(0, fc.nat(255)),
    algorithm: fc.oneof(
      fc.constantFrom('hmac-sha256', 'hmac-sha1', 'nonsense').map(text => nameOf(text)),
      name,
      trickyName,
    ),
    time: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    mac: fc.uint8Array({ maxLength: 64 }),
    lie: mostly(0, fc.integer({ min: -9, max: 99 })),
    tail: fc.constantFrom('123400000000', '1234ffff0006010203040506', '12340010', ''),
  })
  .map(({ owner, qclass, ttl, algorithm, time, mac, lie, tail }) => {
    const rdata = Buffer.concat([algorithm, time, uint16(mac.length + lie), mac, Buffer.from(tail, 'hex')])
    const fixed = [uint16(250), uint16(qclass), uint16(0), uint16(ttl), uint16(rdata.length)]
    return Buffer.concat([owner, ...fixed, rdata])
  })

const record = fc
  .record({
    owner: fc.oneof(name, trickyName),
    type,
    qclass,
    rdata: fc.uint8Array({ maxLength: 30 }),
    lie: mostly(0, fc.constantFrom(-1, 1, 100, 65_000)),
  })
  .map(({ owner, type, qclass, rdata, lie }) =>
    Buffer.concat([owner, uint16(type), uint16(qclass), Buffer.alloc(4), uint16(rdata.length + lie), rdata]),
  )

/** RD, AD, CD and others at will; a response one time in some; opcodes known and unknown. */
const flags = fc
  .record({
    qr: mostly(0, fc.constant(0x8000)),
    opcode: mostly(0, fc.nat(15)),
    others: fc.oneof(fc.constantFrom(0, 0x0100, 0x0110, 0x0120), fc.nat(0x07ff)),
  })
  .map(({ qr, opcode, others }) => qr | (opcode << 11) | others)

const question = fc
  .record({ name: mostlyArbitrary(name, trickyName), type, qclass })
  .map(({ name, type, qclass }) => Buffer.concat([name, uint16(type), uint16(qclass)]))

const NOTHING = fc.constant<Buffer[]>([])

/** A message in its parts, with counts that are true unless `counts` says else. */
const assembled = fc
  .record({
    flags,
    questions: mostlyArbitrary(
      question.map(one => [one]),
      fc.array(question, { maxLength: 3 }),
    ),
    answers: mostlyArbitrary(NOTHING, fc.array(record, { maxLength: 2 })),
    authorities: mostlyArbitrary(NOTHING, fc.array(record, { maxLength: 2 })),
    additionals: fc.oneof(
      NOTHING,
      opt.map(one => [one]),
      fc.tuple(opt, tsig),
      fc.array(fc.oneof(opt, tsig, record), { maxLength: 4 }),
    ),
    counts: mostlyArbitrary(
      fc.constant(undefined),
      fc.array(fc.constantFrom(0, 1, 2, 255, 65_535), { minLength: 4, maxLength: 4 }),
    ),
    trailing: mostlyArbitrary(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 20 })),
  })
  .map(({ flags, questions, answers, authorities, additionals, counts, trailing }) => {
    const sections = [questions, answers, authorities, additionals]
    const told = sections.map((section, index) => uint16(counts?.[index] ?? section.length))
    return Buffer.concat([uint16(0x1234), uint16(flags), ...told, ...sections.flat(), trailing])
  })

/** What a message can be filled with, each made to cost as much as so many octets can cost. */
export const COSTLY = [
  'pointer chains',
  'pointer loops',
  'long names',
  'questions',
  'options',
  'junk',
  'zeros',
] as const

interface CostlyMessage {
  readonly kind: (typeof COSTLY)[number]
  readonly size: number
  readonly seed?: number
  readonly opcode?: number
}

/** What a listener may be sent over UDP. */
export const hostileDatagram = hostile(LONGEST_DATAGRAM)
/** What may come over TCP, its length not counted. */
export const hostileMessage = hostile(LONGEST_MESSAGE)

function hostile(longest: number): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 20, arbitrary: assembled },
    { weight: 20, arbitrary: fc.tuple(assembled, changes).map(([octets, list]) => changed(octets, list)) },
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }).map(octets => Buffer.from(octets)) },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 13 }).map(octets => Buffer.from(octets)) },
    { weight: 1, arbitrary: costly(longest) },
  )
}

function costly(longest: number): fc.Arbitrary<Buffer> {
  const message = fc.record({
    kind: fc.constantFrom(...COSTLY),
    size: fc.oneof(fc.integer({ min: 12, max: 2000 }), fc.constantFrom(longest - 1, longest)),
    seed: fc.nat(),
    opcode: mostly(0, fc.nat(15)),
  })
  return message.map(costlyMessage)
}

/** A header, a question, and then as much of one thing as there is room for. */
export function costlyMessage({ kind, size, seed = 1, opcode = 0 }: CostlyMessage): Buffer {
  const question = Buffer.concat([nameOf('ns', 'example'), uint16(1), uint16(1)])
  const filling = fillingOf(kind, { size, start: HEADER_LENGTH + question.length, seed })
  const counts = countsOf(kind, filling.length)
  return Buffer.concat([uint16(0x1234), uint16(opcode << 11), ...counts.map(uint16), question, filling])
}

function countsOf(kind: CostlyMessage['kind'], length: number): readonly number[] {
  if (kind === 'questions') return [1 + Math.floor(length / QUESTION_LENGTH), 0, 0, 0]
  return [1, 0, 0, kind === 'options' ? 1 : Math.floor(length / RECORD_LENGTH)]
}

function fillingOf(
  kind: CostlyMessage['kind'],
  { size, start, seed }: { size: number; start: number; seed: number },
): Buffer {
  const room = Math.max(0, size - start)
  switch (kind) {
    case 'pointer chains':
      return filled(room, RECORD_LENGTH, at => Buffer.concat([pointer(linkBefore(start, at)), fixed(16)]))
    case 'pointer loops':
      return filled(room, RECORD_LENGTH, at => Buffer.concat([pointer(start + at), fixed(16)]))
    case 'long names':
      return Buffer.concat([
        longName(),
        fixed(16),
        filled(room - 265, RECORD_LENGTH, () => Buffer.concat([pointer(start), fixed(16)])),
      ])
    case 'questions':
      return filled(room, QUESTION_LENGTH, () => Buffer.of(0, 0, 1, 0, 1))
    case 'options':
      return Buffer.concat([
        Buffer.of(0, 0, 41, 4, 208, 0, 0, 0, 0),
        uint16(Math.max(0, room - 11)),
        filled(room - 11, 4, () => Buffer.of(0, 100, 0, 0)),
      ])
    case 'zeros':
      return Buffer.alloc(room)
    default:
      return junk(room, seed)
  }
}

/** The record before; the last one that a pointer reaches, for those that lie further on. */
function linkBefore(start: number, at: number): number {
  const last = Math.floor((MAX_POINTER - start) / RECORD_LENGTH) * RECORD_LENGTH
  return at === 0 ? HEADER_LENGTH : start + Math.min(at - RECORD_LENGTH, last)
}

/** The name that takes most steps: 127 labels of one octet. */
function longName(): Buffer {
  return nameOf(...Array<string>(127).fill('x'))
}

function filled(room: number, length: number, part: (at: number) => Buffer): Buffer {
  return Buffer.concat(
    Array.from({ length: Math.max(0, Math.floor(room / length)) }, (_, index) => part(index * length)),
  )
}

/** Type, class, ttl and an empty rdata. */
function fixed(type: number): Buffer {
  return Buffer.concat([uint16(type), Buffer.of(0, 1, 0, 0, 0, 0, 0, 0)])
}

function pointer(target: number): Buffer {
  return uint16(0xc000 | (target & MAX_POINTER))
}

/** Octets that look like nothing, the same for a seed (xorshift32). */
function junk(length: number, seed: number): Buffer {
  let state = seed | 1
  return Buffer.from({ length }).map(() => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 255
  }) as Buffer
}

function nameOf(...labels: readonly (Buffer | string)[]): Buffer {
  const parts = labels.map(text => lengthened(typeof text === 'string' ? Buffer.from(text, 'latin1') : text))
  return Buffer.concat([...parts, Buffer.of(0)])
}

function lengthened(octets: Buffer): Buffer {
  return Buffer.concat([Buffer.of(octets.length), octets])
}

function uint16(value: number): Buffer {
  return Buffer.of((value >> 8) & 255, value & 255)
}

function mostly<T>(usual: T, unusual: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return mostlyArbitrary(fc.constant(usual), unusual)
}

function mostlyArbitrary<T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: unusual })
}
