import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import {
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  RECURSION_DESIRED,
  type RecordType,
} from 'dns-packet'
import type { Endpoint } from '../src/shared/endpoint.ts'

export interface AskOptions {
  /** Over TCP; else UDP. */
  readonly tcp?: boolean
  /** Adds an OPT record with this payload size. */
  readonly ednsSize?: number
  /** The DO bit of the OPT record. */
  readonly dnssecOk?: boolean
  /** The RD bit: what a stub asks a resolver for. */
  readonly recursive?: boolean
  /** The address to ask from over UDP; else the system's choice. */
  readonly from?: string
  readonly id?: number
  /** Milliseconds, 20,000 unless given. */
  readonly timeout?: number
}

export interface Answer {
  readonly reply: DecodedPacket
  /** The rcode's mnemonic: dns-packet leaves it out of its types. */
  readonly rcode: string
  readonly raw: Buffer
}

const DEFAULT_TIMEOUT_MS = 20_000
const PREFIX_LENGTH = 2

/** Asks a server one question, class IN, and decodes what it says. Rejects where nothing comes in time. */
export async function ask(
  server: Endpoint,
  qname: string,
  qtype: RecordType,
  options: AskOptions = {},
): Promise<Answer> {
  const raw = await exchange(server, encode(queryFor(qname, qtype, options)), options)
  return { reply: decode(raw), rcode: rcodeOf(raw), raw }
}

/** Sends octets as they are and returns the first message that comes back. Rejects where nothing comes in time. */
export function exchange(server: Endpoint, message: Uint8Array, options: AskOptions = {}): Promise<Buffer> {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS
  return options.tcp
    ? exchangeTcp(server, message, timeout)
    : exchangeUdp(server, message, { timeout, from: options.from })
}

function queryFor(name: string, type: RecordType, { id, ednsSize, dnssecOk, recursive }: AskOptions): Packet {
  const opt = {
    type: 'OPT' as const,
    name: '.' as const,
    udpPayloadSize: ednsSize ?? 0,
    flags: dnssecOk ? 0x8000 : 0,
    options: [],
    extendedRcode: 0,
    ednsVersion: 0,
    flag_do: dnssecOk === true,
  }
  return {
    type: 'query',
    id: id ?? Math.floor(Math.random() * 65_536),
    flags: recursive ? RECURSION_DESIRED : 0,
    questions: [{ name, type, class: 'IN' }],
    additionals: ednsSize === undefined ? [] : [opt],
  }
}

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN']

function rcodeOf(raw: Buffer): string {
  const rcode = raw.readUInt16BE(2) & 15
  return RCODES[rcode] ?? `RCODE${rcode}`
}

function exchangeUdp(
  server: Endpoint,
  message: Uint8Array,
  { timeout, from }: { timeout: number; from: string | undefined },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4')
  const timer = setTimeout(() => reject(new Error(`no reply over UDP within ${timeout} ms`)), timeout)
  // The port may have been another's a moment ago, and what comes late for that one is no reply to us.
  socket.on('message', (reply, { address, port }) => {
    if (address === server.address && port === server.port) resolve(reply)
  })
  socket.on('error', reject)
  if (from !== undefined) socket.bind(0, from)
  socket.send(message, server.port, server.address)
  return promise.finally(() => {
    clearTimeout(timer)
    socket.close()
  })
}

function exchangeTcp(server: Endpoint, message: Uint8Array, timeout: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = connect({ host: server.address, port: server.port })
  const timer = setTimeout(() => reject(new Error(`no reply over TCP within ${timeout} ms`)), timeout)
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', segment => {
    received = Buffer.concat([received, segment])
    const reply = firstMessage(received)
    if (reply !== undefined) resolve(reply)
  })
  socket.on('error', reject)
  socket.on('end', () => reject(new Error('the connection was closed without a reply')))
  socket.write(framed(message))
  return promise.finally(() => {
    clearTimeout(timer)
    socket.destroy()
  })
}

/** A message with its length before it, as TCP carries it. */
export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(PREFIX_LENGTH)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

function firstMessage(octets: Buffer): Buffer | undefined {
  if (octets.length < PREFIX_LENGTH) return undefined
  const end = PREFIX_LENGTH + octets.readUInt16BE()
  return octets.length < end ? undefined : octets.subarray(PREFIX_LENGTH, end)
}
