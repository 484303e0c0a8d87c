import type { Respond } from '../../src/engine/respond.ts'

const HEADER_LENGTH = 12
const QR = 0x80

/** Sends the message back with QR set; silence for what is shorter than a header or a response itself. */
export const echo: Respond = (query, length, reply) => {
  if (length < HEADER_LENGTH || ((query[2] ?? 0) & QR) !== 0) return 0
  reply.set(query.subarray(0, length))
  reply[2] = (query[2] ?? 0) | QR
  return length
}

/** Answers whatever comes with so many octets, the first two the id. */
export function repliesOf(size: number): Respond {
  return (query, _length, reply) => {
    reply.fill(0, 0, size)
    reply.set(query.subarray(0, 2))
    return size
  }
}

/** A message of so many octets with an id, a header and nothing sensible behind it. */
export function message(id: number, size = 29): Buffer {
  const octets = Buffer.alloc(size)
  octets.writeUInt16BE(id)
  return octets
}
