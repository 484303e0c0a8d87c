import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { assertReply, wantsSilence } from '../fuzz/expected-reply.ts'

const HUNDRED = 100
/** Sent without a look at the replies, which would fill the system's buffer meanwhile. */
const BURST = 20
const RECEIVE_BUFFER = 4 * 1024 * 1024
/** How long replies to the last hundred may be on their way. */
const STRAGGLERS_MS = 300
/** Of those that a reply is due to. A full buffer of the system drops a few, on any server. */
const MOST = 0.9

/**
 * Sends datagrams from two sockets of its own: those that must be met with silence from one, which must hear nothing,
 * the others from the other, which must hear one good reply to each at most. `afterHundred` is awaited now and then.
 */
export async function sendHostile(
  server: Endpoint,
  messages: readonly Buffer[],
  afterHundred: () => Promise<void>,
): Promise<void> {
  const numbered = messages.map(withId)
  const [asker, mute] = await Promise.all([openSocket(server), openSocket(server)])
  const replies: Buffer[] = []
  const unwanted: Buffer[] = []
  asker.on('message', reply => replies.push(reply))
  mute.on('message', reply => unwanted.push(reply))
  try {
    for (const [index, message] of numbered.entries()) {
      const socket = wantsSilence(message) ? mute : asker
      socket.send(message, server.port, server.address)
      if (index % BURST === BURST - 1) await turn()
      if (index % HUNDRED === HUNDRED - 1) await afterHundred()
    }
    await sleep(STRAGGLERS_MS)
  } finally {
    asker.close()
    mute.close()
  }
  assert.equal(unwanted.length, 0, `silence was broken: ${unwanted[0]?.toString('hex')}`)
  assertReplies(numbered, replies)
}

/** The same message with its place in the list for an id, as far as it is long enough to have one. */
function withId(message: Buffer, index: number): Buffer {
  if (message.length < 2) return message
  const copy = Buffer.from(message)
  copy.writeUInt16BE(index)
  return copy
}

function assertReplies(messages: readonly Buffer[], replies: readonly Buffer[]): void {
  const answered = new Set<number>()
  for (const reply of replies) {
    const id = reply.readUInt16BE(0)
    const message = messages[id]
    assert.ok(message !== undefined && !answered.has(id), `a second reply to ${message?.toString('hex')}`)
    answered.add(id)
    assertGoodReply(message, reply)
  }
  const due = messages.filter(message => !wantsSilence(message)).length
  assert.ok(answered.size >= due * MOST, `${answered.size} replies to ${due} messages`)
}

function assertGoodReply(message: Buffer, reply: Buffer): void {
  try {
    assertReply(message, reply, 'udp')
  } catch (error) {
    throw new Error(`${message.toString('hex')} was answered with ${reply.toString('hex')}`, { cause: error })
  }
}

async function openSocket({ address }: Endpoint): Promise<Socket> {
  const type = address.includes(':') ? 'udp6' : 'udp4'
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER })
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}
