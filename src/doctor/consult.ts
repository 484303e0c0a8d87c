import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import dns2 from 'dns2'
import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import type { Endpoint } from '../shared/endpoint.ts'

const { Packet } = dns2

/** The types that a diagnosis asks for. */
export type AskedType = 'SOA' | 'NS' | 'A' | 'AAAA' | 'PTR' | 'AXFR'

/** A question, class IN, to one server; nobody is asked to look further for the answer. */
export interface Question {
  /** Without the final dot; empty for the root. */
  readonly name: string
  readonly type: AskedType
  readonly transport: 'udp' | 'tcp'
  /** With an OPT record (RFC 6891). */
  readonly edns: boolean
}

/** A record, its names in lower case and without the final dot. */
export interface SeenRecord {
  readonly owner: string
  readonly type: string
  /** A canonical address, a name, or for SOA the serial. */
  readonly text: string
}

/** A reply as far as a diagnosis looks at it. */
export interface Reply {
  readonly kind: 'reply'
  /** Its mnemonic. */
  readonly rcode: string
  readonly isAuthoritative: boolean
  readonly isTruncated: boolean
  readonly hasOpt: boolean
  readonly answer: readonly SeenRecord[]
  readonly authority: readonly SeenRecord[]
  readonly additional: readonly SeenRecord[]
}

/**
 * What came of a question. `cut-off`: this machine has no way to such an address, which says nothing of the server.
 */
export type Consultation =
  | Reply
  | { readonly kind: 'silent'; readonly reason: string }
  | { readonly kind: 'cut-off'; readonly reason: string }

export type Consult = (server: Endpoint, question: Question) => Promise<Consultation>

const PAYLOAD_SIZE = 1232 // RFC 9715 3.2
const LENGTH_OCTETS = 2
/** A datagram may get lost; a second one as well is no accident. */
const UDP_TRIES = 2
const NO_WAY = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Asks servers through dns2's codec, with `timeoutMs` for each try. Never rejects. */
export function consultant(timeoutMs: number): Consult {
  return async (server, question) => {
    const tries = question.transport === 'udp' ? UDP_TRIES : 1
    for (let tried = 1; ; tried++) {
      const outcome = await consultOnce(server, question, timeoutMs)
      if (outcome.kind !== 'silent' || tried === tries) return outcome
    }
  }
}

async function consultOnce(server: Endpoint, question: Question, timeoutMs: number): Promise<Consultation> {
  const query = queryOf(question)
  try {
    const exchange = question.transport === 'udp' ? overUdp : overTcp
    return replyOf(await exchange(server, query, AbortSignal.timeout(timeoutMs)))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (NO_WAY.has(code)) return { kind: 'cut-off', reason: code }
    return { kind: 'silent', reason: reasonOf(error, timeoutMs) }
  }
}

function queryOf({ name, type, edns }: Question): dns2.Packet {
  const query = new Packet()
  query.header.id = Packet.uuid()
  query.questions.push(new Packet.Question(name, Packet.TYPE[type], Packet.CLASS.IN))
  if (edns) {
    const opt = new Packet.Resource('')
    query.additionals.push(
      Object.assign(opt, { type: Packet.TYPE.EDNS, class: PAYLOAD_SIZE, ttl: 0, rdata: [] }),
    )
  }
  return query
}

/** Resolves with the first message that is the reply: what anybody else sends, or to another question, is passed over. */
async function overUdp(server: Endpoint, query: dns2.Packet, signal: AbortSignal): Promise<dns2.Packet> {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  try {
    const { promise, resolve, reject } = Promise.withResolvers<dns2.Packet>()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    socket.on('error', reject)
    socket.on('message', octets => {
      const reply = parsed(octets)
      if (reply?.header.id === query.header.id) resolve(reply)
    })
    socket.connect(server.port, server.address) // a port that nobody has is an error then, and no other may reply
    socket.once('connect', () => socket.send(query.toBuffer()))
    return await promise
  } finally {
    socket.close()
  }
}

function parsed(octets: Buffer): dns2.Packet | undefined {
  try {
    return Packet.parse(octets)
  } catch {
    return undefined
  }
}

/** Resolves with the first message: of a transfer that says enough. */
async function overTcp(server: Endpoint, query: dns2.Packet, signal: AbortSignal): Promise<dns2.Packet> {
  const socket = connect({ host: server.address, port: server.port, signal })
  const failed = once(socket, 'error').then(([error]) => {
    throw error
  })
  failed.catch(() => undefined) // it may fail again when it is destroyed
  try {
    const message = query.toBuffer()
    const length = Buffer.alloc(LENGTH_OCTETS)
    length.writeUInt16BE(message.length)
    socket.write(Buffer.concat([length, message]))
    return Packet.parse(await Promise.race([Packet.readStream(socket), failed]))
  } finally {
    socket.destroy()
  }
}

function replyOf({ header, answers, authorities, additionals }: dns2.Packet): Reply {
  return {
    kind: 'reply',
    rcode: mnemonicOf(header.rcode),
    isAuthoritative: header.aa === 1,
    isTruncated: header.tc === 1,
    hasOpt: additionals.some(({ type }) => type === Packet.TYPE.EDNS),
    answer: answers.map(seen),
    authority: authorities.map(seen),
    additional: additionals.map(seen),
  }
}

function seen(record: dns2.Packet.Resource): SeenRecord {
  return {
    owner: plainName(record.name),
    type: Packet.TYPE_NAME[record.type] ?? String(record.type),
    text: textOf(record),
  }
}

function textOf({ type, address, serial, ns, domain }: dns2.Packet.Resource): string {
  if (address !== undefined) return canonicalAddress(address)
  if (type === Packet.TYPE.SOA) return String(serial ?? '')
  return plainName(ns ?? domain ?? '')
}

/** A name as names are compared here: in lower case, without the final dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function canonicalAddress(address: string): string {
  const octets = parseIpv6(address)
  return octets === undefined ? address : formatIpv6(octets)
}

function mnemonicOf(rcode: number): string {
  return Object.entries(Packet.RCODE).find(([, code]) => code === rcode)?.[0] ?? String(rcode)
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return `no reply within ${timeoutMs} ms`
  return error instanceof Error ? error.message : String(error)
}
