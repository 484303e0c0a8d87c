/** What must hold of every reply, whatever the message was. */
import assert from 'node:assert/strict'
import { readStrictly, type StrictMessage } from './strict-message.ts'

const HEADER_LENGTH = 12
const PLAIN_PAYLOAD_SIZE = 512
const OUR_PAYLOAD_SIZE = 1232
const MAX_MESSAGE_LENGTH = 65_535
/** RA, Z and AD: never set by a server that neither recurses nor validates. */
const NEVER_SET = 0x00e0
const QR = 0x8000
const RD = 0x0100
const OPT_TYPE = Buffer.of(0, 41)

/** RFC 1035 4.1.1: a message that must be met with silence. */
export function wantsSilence(message: Uint8Array): boolean {
  return message.length < HEADER_LENGTH || ((message[2] ?? 0) & 0x80) !== 0
}

/** Fails unless the reply is well formed and an answer to this message, in a size that its sender takes. */
export function assertReply(message: Buffer, reply: Buffer, transport: 'udp' | 'tcp'): void {
  assert.equal(wantsSilence(message), false)
  const told = readStrictly(reply)
  const asked = readOrUndefined(message)
  assert.equal(told.id, message.readUInt16BE(0))
  assert.equal(told.opcode, (message.readUInt16BE(2) >> 11) & 15)
  assert.equal(told.flags & QR, QR)
  assert.equal(told.flags & RD, message.readUInt16BE(2) & RD)
  assert.equal(told.flags & NEVER_SET, 0)
  assert.ok(reply.length <= limitOf(asked, told, transport), `${reply.length} octets`)
  assertQuestion(message, told, asked)
  if (told.opt !== undefined) {
    assert.equal(told.opt.version, 0)
    assert.ok(message.includes(OPT_TYPE, HEADER_LENGTH), 'an OPT that nobody asked for')
  }
  if (asked !== undefined) assert.equal(told.opt !== undefined, asked.opt !== undefined)
}

/** Octet for octet, or none where the message had none that could be read. */
function assertQuestion(message: Buffer, told: StrictMessage, asked: StrictMessage | undefined): void {
  const { length } = told.question
  assert.deepEqual(told.question, message.subarray(HEADER_LENGTH, HEADER_LENGTH + length))
  if (asked !== undefined && message.readUInt16BE(4) === 1) assert.deepEqual(told.question, asked.question)
}

function limitOf(asked: StrictMessage | undefined, told: StrictMessage, transport: 'udp' | 'tcp'): number {
  if (transport === 'tcp') return MAX_MESSAGE_LENGTH
  if (told.opt === undefined) return PLAIN_PAYLOAD_SIZE
  const size = asked?.opt?.payloadSize ?? OUR_PAYLOAD_SIZE
  return Math.min(Math.max(size, PLAIN_PAYLOAD_SIZE), OUR_PAYLOAD_SIZE)
}

/** The message where it is well formed. */
function readOrUndefined(message: Buffer): StrictMessage | undefined {
  try {
    return readStrictly(message)
  } catch {
    return undefined
  }
}
