/**
 * Reads replies for tests that compare servers: strictly, and down to the octets. Names are decompressed and in lower
 * case, those inside rdata too, so that equal data are equal octets whoever sent them. It shares no code with what it
 * tests.
 */

/** A record; owner and rdata are uncompressed. */
export interface WireRecord {
  readonly owner: Buffer
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly rdata: Buffer
}

export interface WireReply {
  readonly id: number
  readonly flags: number
  /** The OPT's upper bits included. */
  readonly rcode: number
  /** All questions as they came, not in lower case. */
  readonly question: Buffer
  readonly answer: readonly WireRecord[]
  readonly authority: readonly WireRecord[]
  /** Without the OPT. */
  readonly additional: readonly WireRecord[]
  readonly opt: WireRecord | undefined
}

export const FLAGS = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x20,
  CD: 0x10,
} as const

const HEADER_LENGTH = 12
const QUESTION_FIXED = 4
const OPT = 41
const MAX_NAME_LENGTH = 255
const POINTER = 0xc0
const STRING = 'string'
const NAME = 'name'
/** A name that RFC 3597 4 forbids to compress. */
const PLAIN_NAME = 'plain name'

type Field = number | typeof STRING | typeof NAME | typeof PLAIN_NAME

/** What comes before the end of the last name in the rdata of the types that hold names; the rest is octets. */
const LAYOUTS = new Map<number, readonly Field[]>([
  ...[2, 3, 4, 5, 7, 8, 9, 12].map((type): [number, Field[]] => [type, [NAME]]), // NS MD MF CNAME MB MG MR PTR
  [6, [NAME, NAME]], // SOA
  [14, [NAME, NAME]], // MINFO
  [15, [2, NAME]], // MX
  [17, [PLAIN_NAME, PLAIN_NAME]], // RP
  [18, [2, PLAIN_NAME]], // AFSDB
  [21, [2, PLAIN_NAME]], // RT
  [26, [2, PLAIN_NAME, PLAIN_NAME]], // PX
  [33, [6, PLAIN_NAME]], // SRV
  [35, [4, STRING, STRING, STRING, PLAIN_NAME]], // NAPTR
  [36, [2, PLAIN_NAME]], // KX
  [39, [PLAIN_NAME]], // DNAME
])

/** Takes a reply apart. Throws where a single octet is not as it must be. */
export function readReply(message: Buffer): WireReply {
  const cursor = new Cursor(message)
  const question = takeQuestions(cursor, message.readUInt16BE(4))
  const [answer = [], authority = [], rest = []] = [6, 8, 10].map(count =>
    Array.from({ length: message.readUInt16BE(count) }, () => takeRecord(cursor)),
  )
  if (cursor.at !== message.length) throw new Error('octets behind the last record')
  const opts = rest.filter(({ type }) => type === OPT)
  if (opts.length > 1) throw new Error('two OPT records')
  const [opt] = opts
  const flags = message.readUInt16BE(2)
  return {
    id: message.readUInt16BE(0),
    flags,
    rcode: (flags & 15) | (((opt?.ttl ?? 0) >>> 24) << 4),
    question,
    answer,
    authority,
    additional: rest.filter(({ type }) => type !== OPT),
    opt,
  }
}

function takeQuestions(cursor: Cursor, count: number): Buffer {
  for (let i = 0; i < count; i++) {
    cursor.name(PLAIN_NAME)
    cursor.octets(QUESTION_FIXED)
  }
  return cursor.message.subarray(HEADER_LENGTH, cursor.at)
}

function takeRecord(cursor: Cursor): WireRecord {
  const owner = cursor.name(NAME)
  const fixed = cursor.octets(10)
  const type = fixed.readUInt16BE(0)
  const end = cursor.at + fixed.readUInt16BE(8)
  if (end > cursor.message.length) throw new Error('rdata behind the end of the message')
  const parts = (LAYOUTS.get(type) ?? []).map(field => takeField(cursor, field))
  if (cursor.at > end) throw new Error(`rdata of type ${type} are longer than their length says`)
  const rdata = Buffer.concat([...parts, cursor.octets(end - cursor.at)])
  return { owner, type, class: fixed.readUInt16BE(2), ttl: fixed.readUInt32BE(4), rdata }
}

function takeField(cursor: Cursor, field: Field): Buffer {
  if (field === STRING) return cursor.octets(1 + cursor.message.readUInt8(cursor.at))
  return typeof field === 'number' ? cursor.octets(field) : cursor.name(field)
}

class Cursor {
  readonly message: Buffer
  at = HEADER_LENGTH

  constructor(message: Buffer) {
    this.message = message
  }

  octets(length: number): Buffer {
    if (this.at + length > this.message.length) throw new Error('the message ends too early')
    this.at += length
    return this.message.subarray(this.at - length, this.at)
  }

  /** RFC 1035 4.1.4: a pointer points at a name that came before the part of the name that it ends. */
  name(field: typeof NAME | typeof PLAIN_NAME): Buffer {
    const labels: Buffer[] = []
    let part = this.at
    let at = this.at
    let behind = 0
    for (let length = this.message.readUInt8(at); length !== 0; length = this.message.readUInt8(at)) {
      if (length >= POINTER) {
        if (field === PLAIN_NAME) throw new Error('a pointer where none may be')
        if (behind === 0) behind = at + 2
        at = this.message.readUInt16BE(at) & 0x3fff
        if (at >= part || at < HEADER_LENGTH) throw new Error('a pointer that does not point back')
        part = at
        continue
      }
      if (length > 63) throw new Error('a label that is none')
      labels.push(this.message.subarray(at, at + 1 + length))
      at += 1 + length
    }
    this.at = behind === 0 ? at + 1 : behind
    const name = Buffer.concat([...labels, Buffer.alloc(1)])
    if (name.length > MAX_NAME_LENGTH) throw new Error('a name over 255 octets')
    return inLowerCase(name)
  }
}

/** Length octets are below the letters. */
function inLowerCase(name: Buffer): Buffer {
  return Buffer.from(name.map(octet => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet)))
}
