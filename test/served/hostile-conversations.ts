/** Conversations over TCP that no honest client has. Each ends by itself within a second or two, whatever the server does. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { framed } from '../ask.ts'
import { queryOf } from '../engine/zones.ts'
import { assertReply, wantsSilence } from '../fuzz/expected-reply.ts'
import { COSTLY, costlyMessage } from '../fuzz/hostile-message.ts'

const LONGEST = 65_535
const GOOD = Buffer.from(queryOf('ns.example.', 'A', { id: 7 }))
const LARGE_ANSWER = Buffer.from(queryOf('many.example.', 'TXT', { id: 8 }))
/** Replies that come to far more than the server may keep for one client, and the system besides. */
const UNREAD_QUERIES = 4000
const SILENCE_MS = 200
const PATIENCE_MS = 60_000
/** More than the server takes from one address. */
const CROWD = 600

interface Conversation {
  readonly says: string
  /** Talks; `junk` is a message that a stranger made up. */
  talk(client: Client, junk: Buffer): Promise<void>
}

export const CONVERSATIONS: readonly Conversation[] = [
  {
    says: 'a message of no octets is the end',
    async talk(client) {
      client.socket.write(Buffer.of(0, 0))
      await client.ended()
      assert.deepEqual(client.replies, [])
    },
  },
  {
    says: 'half a message and then silence',
    async talk(client) {
      client.socket.write(Buffer.of(0, 2))
      await sleep(SILENCE_MS)
      assert.deepEqual(client.replies, [])
    },
  },
  {
    says: 'a length cut in the middle',
    async talk(client) {
      client.socket.write(framed(GOOD).subarray(0, 1))
      await sleep(5)
      client.socket.write(framed(GOOD).subarray(1))
      await client.hears([GOOD])
    },
  },
  {
    says: 'an octet at a time',
    async talk(client) {
      for (const octet of framed(GOOD)) {
        client.socket.write(Buffer.of(octet))
        await sleep(2)
      }
      await client.hears([GOOD])
    },
  },
  {
    says: 'the longest messages there can be',
    async talk(client, junk) {
      const kind = COSTLY[junk.length % COSTLY.length] ?? 'junk'
      const messages = [
        costlyMessage({ kind, size: LONGEST }),
        costlyMessage({ kind, size: LONGEST, opcode: 5 }),
      ]
      for (const message of messages) client.socket.write(framed(message))
      await client.hears(messages)
    },
  },
  {
    says: '100 queries in one segment, and FIN',
    async talk(client) {
      const queries = Array.from({ length: 100 }, (_, id) =>
        Buffer.from(queryOf('mail.example.', 'MX', { id })),
      )
      client.socket.end(Buffer.concat(queries.map(framed)))
      await client.hears(queries)
      await client.ended()
    },
  },
  {
    says: 'a query and FIN at once',
    async talk(client) {
      client.socket.end(framed(LARGE_ANSWER))
      await client.hears([LARGE_ANSWER])
      await client.ended()
    },
  },
  {
    says: 'a client that never reads',
    async talk(client) {
      client.socket.pause()
      client.socket.write(Buffer.concat(Array<Buffer>(UNREAD_QUERIES).fill(framed(LARGE_ANSWER))))
      await sleep(SILENCE_MS)
    },
  },
  {
    says: 'RST in the middle of a message, and of its replies',
    async talk(client, junk) {
      const replies = Buffer.concat(Array<Buffer>(50).fill(framed(LARGE_ANSWER)))
      client.socket.write(junk.length % 2 === 0 ? framed(GOOD).subarray(0, 9) : replies)
      await sleep(junk.length % 20)
      client.socket.resetAndDestroy()
    },
  },
  {
    says: 'a message that a stranger made up gets one good reply or the end',
    async talk(client, junk) {
      client.socket.write(framed(junk))
      if (wantsSilence(junk)) await client.ended()
      else await client.hears([junk])
    },
  },
  {
    says: 'octets that are no DNS at all',
    async talk(client, junk) {
      client.socket.end(Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), junk]))
      await client.ended()
    },
  },
  { says: 'nothing at all', talk: () => sleep(SILENCE_MS) },
]

/** Has one conversation and ends it. */
export async function converse(server: Endpoint, conversation: Conversation, junk: Buffer): Promise<void> {
  const client = new Client(server)
  try {
    await client.connected()
    await conversation.talk(client, junk)
  } catch (error) {
    throw new Error(`${conversation.says}: ${junk.toString('hex')}`, { cause: error })
  } finally {
    client.socket.destroy()
  }
}

/** Keeps more connections open than the server allows, while `meanwhile` runs. */
export async function crowd(server: Endpoint, meanwhile: () => Promise<void>): Promise<void> {
  const clients = Array.from({ length: CROWD }, () => new Client(server))
  try {
    await Promise.all(clients.map(client => client.connected()))
    await meanwhile()
  } finally {
    for (const { socket } of clients) socket.destroy()
  }
}

class Client {
  readonly socket: Socket
  #received: Buffer = Buffer.alloc(0)
  readonly #closed: Promise<unknown>

  constructor({ address, port }: Endpoint) {
    this.socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true })
    this.socket.on('data', segment => {
      this.#received = Buffer.concat([this.#received, segment])
    })
    this.socket.on('error', () => {}) // RST is a way to be told to go
    this.#closed = Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]).catch(() => {})
  }

  get replies(): Buffer[] {
    const replies: Buffer[] = []
    for (let at = 0; at + 2 <= this.#received.length; at += 2 + this.#received.readUInt16BE(at))
      replies.push(this.#received.subarray(at + 2, at + 2 + this.#received.readUInt16BE(at)))
    return replies
  }

  async connected(): Promise<void> {
    if (this.socket.connecting) await Promise.race([once(this.socket, 'connect'), this.#closed])
  }

  /** Waits for the server's FIN or RST. */
  async ended(): Promise<void> {
    const late = new AbortController()
    const patience = sleep(PATIENCE_MS, undefined, { signal: late.signal }).then(
      () => assert.fail('the server keeps the connection'),
      () => {},
    )
    await Promise.race([this.#closed, patience])
    late.abort()
  }

  /** Waits for as many replies as there are queries: good ones, in their order, and no more. */
  async hears(queries: readonly Buffer[]): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (this.#isWaitingFor(queries.length) && Date.now() < deadline) await sleep(2)
    const { replies } = this
    assert.equal(replies.length, queries.length)
    for (const [index, query] of queries.entries())
      assertReply(query, replies[index] ?? Buffer.alloc(0), 'tcp')
  }

  #isWaitingFor(count: number): boolean {
    const { replies } = this
    const whole = replies.reduce((sum, reply) => sum + 2 + reply.length, 0) === this.#received.length
    return (replies.length < count || !whole) && !this.socket.destroyed
  }
}
