import { once } from 'node:events'
import { connect } from 'node:net'
import dns2 from 'dns2'
import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import type { Transport } from '../engine/client.ts'
import type { Endpoint } from '../shared/endpoint.ts'

/** The types that we ask for ourselves. */
export type AskedType = 'SOA' | 'AAAA' | 'PTR'

/** A question to one server. */
export interface Ask {
  readonly server: Endpoint
  readonly transport: Transport
  /** Without the final dot. */
  readonly name: string
  readonly type: AskedType
  /** Milliseconds. */
  readonly timeout: number
}

export interface AskReply {
  readonly rcode: number
  readonly isAuthoritative: boolean
  readonly isTruncated: boolean
  /** Of the type asked, each as text: a canonical address, or a lower-case name without the final dot. */
  readonly answers: readonly string[]
}

/**
 * Asks one question through dns2's client. Rejects with an Error whose message says why there is no answer. dns2 may
 * never settle, so the deadline is ours.
 */
export async function ask(question: Ask): Promise<AskReply> {
  const deadline = AbortSignal.timeout(question.timeout)
  const tooLate = () => new Error(`no answer within ${question.timeout} ms`)
  const expired = once(deadline, 'abort').then(() => Promise.reject(tooLate()))
  const reply = await Promise.race([resolverFor(question, deadline)(), expired]).catch(error => {
    throw deadline.aborted ? tooLate() : error
  })
  return {
    rcode: reply.header.rcode,
    isAuthoritative: reply.header.aa === 1,
    isTruncated: reply.header.tc === 1,
    answers: reply.answers
      .filter(record => record.type === dns2.Packet.TYPE[question.type])
      .map(record => textOf(record)),
  }
}

function resolverFor(question: Ask, deadline: AbortSignal): () => Promise<dns2.Packet> {
  const { server, transport, name, type, timeout } = question
  const isIpv6 = server.address.includes(':')
  if (transport === 'tcp') return () => askOverTcp(question, deadline)
  const resolve = dns2.UDPClient({
    dns: canonical(server.address), // it drops replies from any other spelling
    port: server.port,
    socketType: isIpv6 ? 'udp6' : 'udp4',
    timeout,
    retryOverTCP: false,
  })
  return () => resolve(name, type, dns2.Packet.CLASS.IN, { recursive: false })
}

/**
 * dns2's TCPClient cuts a server's address at its first colon, and leaves its socket open if no answer comes: we
 * connect, and dns2 encodes and decodes.
 */
async function askOverTcp({ server, name, type }: Ask, deadline: AbortSignal): Promise<dns2.Packet> {
  const query = new dns2.Packet()
  query.header.id = dns2.Packet.uuid()
  query.questions.push(new dns2.Packet.Question(name, dns2.Packet.TYPE[type], dns2.Packet.CLASS.IN))
  const message = query.toBuffer()
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  const socket = connect({ host: server.address, port: server.port, signal: deadline })
  socket.on('error', () => {}) // readStream rejects with it; an error that comes later has nobody to go to
  try {
    socket.write(Buffer.concat([length, message]))
    return dns2.Packet.parse(await dns2.Packet.readStream(socket))
  } finally {
    socket.destroy()
  }
}

function textOf(record: dns2.Packet.Resource): string {
  if (record.address !== undefined) return canonical(record.address)
  return (record.domain ?? record.primary ?? '').toLowerCase().replace(/\.$/, '')
}

function canonical(address: string): string {
  const octets = parseIpv6(address)
  return octets === undefined ? address : formatIpv6(octets)
}
