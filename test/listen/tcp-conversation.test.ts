import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Conversation, Converse } from '../../src/engine/conversation.ts'
import { TcpListener } from '../../src/listen/tcp/tcp-listener.ts'
import { framed } from '../ask.ts'
import { echo, message } from './fake-respond.ts'
import { LOOPBACK, SHORT_TIMES, TcpClient, untilClosed, withListener } from './tcp-world.ts'

const LENGTH = 16_000
const STREAM = 0x77

/** Messages of a fixed length, each with its number; what has been made and closed is counted. */
class Counting implements Conversation {
  made = 0
  closed = 0
  readonly #count: number
  readonly #breaksOff: boolean

  constructor(count: number, { breaksOff = false } = {}) {
    this.#count = count
    this.#breaksOff = breaksOff
  }

  get isDone(): boolean {
    return this.made === this.#count
  }

  whenReady(start: () => void): void {
    start()
  }

  next(reply: Uint8Array): number {
    if (this.#breaksOff && this.made === 2) return 0
    reply.fill(this.made & 255, 0, LENGTH)
    reply[0] = STREAM
    this.made++
    return LENGTH
  }

  close(): void {
    this.closed++
  }
}

/** Answers a message whose third octet says so with the conversation, all others with themselves. */
function converse(...conversations: readonly Conversation[]): Converse {
  const left = [...conversations]
  return (query, length, reply, client) => {
    const isWanted = query[3] === STREAM
    return (isWanted ? left.shift() : undefined) ?? echo(query, length, reply, client)
  }
}

function wanted(id: number): Buffer {
  const query = message(id)
  query[3] = STREAM
  return framed(query)
}

test('all messages of a conversation come in their order, then the answers to later queries', () => {
  const conversation = new Counting(100)
  return withListener({ respond: converse(conversation) }, async listener => {
    const client = new TcpClient(listener.address)
    client.socket.write(Buffer.concat([framed(message(1)), wanted(2), framed(message(3))]))
    const replies = await client.expect(102)
    assert.deepEqual([replies[0]?.readUInt16BE(), replies[101]?.readUInt16BE()], [1, 3])
    assert.deepEqual(
      replies.slice(1, 101).map(reply => reply[1]),
      Array.from({ length: 100 }, (_, i) => i),
    )
    assert.equal(conversation.closed, 1)
    assert.deepEqual([listener.counts.queries, listener.counts.replies], [3, 102])
    client.socket.destroy()
  })
})

test('a client that does not read is sent no more than the sockets hold, and the rest when it reads again', () => {
  const conversation = new Counting(2000)
  return withListener({ respond: converse(conversation) }, async listener => {
    const socket = connect({ host: listener.address.address, port: listener.address.port })
    let octets = 0
    socket.on('data', segment => {
      octets += segment.length
    })
    socket.pause().write(wanted(1))
    await untilSteady(() => conversation.made)
    assert.ok(conversation.made > 2 && conversation.made < 1000, `${conversation.made} messages`)
    socket.resume()
    await untilSteady(() => octets)
    assert.deepEqual([octets, conversation.closed], [2000 * (2 + LENGTH), 1])
    socket.destroy()
  })
})

test('a client that does not read for too long is cut off, and the conversation is closed', () => {
  const conversation = new Counting(2000)
  return withListener({ respond: converse(conversation), limits: { times: SHORT_TIMES } }, async listener => {
    const client = new TcpClient(listener.address)
    client.socket.pause()
    client.socket.write(wanted(1))
    await untilClosed(listener)
    assert.deepEqual([conversation.closed > 0, listener.counts.timeouts], [true, 1])
    client.socket.destroy()
  })
})

test('a client that goes away ends its conversation', () => {
  const conversation = new Counting(1_000_000)
  return withListener({ respond: converse(conversation) }, async listener => {
    const client = new TcpClient(listener.address)
    client.socket.write(wanted(1))
    await client.expectSome(3)
    client.socket.destroy()
    await untilClosed(listener)
    const { made } = conversation
    await sleep(50)
    assert.deepEqual([conversation.closed > 0, conversation.made], [true, made])
  })
})

test('two conversations at once leave each other whole, and other clients have their turn', () => {
  const conversations = [new Counting(400), new Counting(400)]
  return withListener({ respond: converse(...conversations) }, async listener => {
    const clients = [new TcpClient(listener.address), new TcpClient(listener.address)]
    for (const client of clients) client.socket.write(wanted(1))
    const other = new TcpClient(listener.address)
    other.socket.write(framed(message(9)))
    await other.expect(1)
    for (const client of clients) {
      const replies = await client.expect(400)
      for (const [i, reply] of replies.entries())
        assert.ok(reply.subarray(1).every(octet => octet === (i & 255)))
      client.socket.destroy()
    }
    other.socket.destroy()
  })
})

test('a conversation that breaks off closes the connection', () => {
  const conversation = new Counting(10, { breaksOff: true })
  return withListener({ respond: converse(conversation) }, async listener => {
    const client = new TcpClient(listener.address)
    client.socket.write(wanted(1))
    await client.closed
    assert.equal(conversation.closed > 0, true)
    assert.ok(client.replies.length <= 2)
  })
})

test('a conversation waits for its turn, longer than for a message, and is asked all the same when that is over', () => {
  const conversations = [new Counting(3), new Counting(3)]
  const starts: (() => void)[] = []
  for (const conversation of conversations) conversation.whenReady = start => starts.push(start)
  const limits = { times: { ...SHORT_TIMES, turn: 600 } }
  return withListener({ respond: converse(...conversations), limits }, async listener => {
    const clients = conversations.map(() => new TcpClient(listener.address))
    for (const client of clients) client.socket.end(wanted(1)) // it waits for its answer all the same
    await sleep(400)
    assert.deepEqual(
      conversations.map(({ made }) => made),
      [0, 0],
    )
    starts[0]?.()
    for (const client of clients) await client.expect(3)
    assert.equal(listener.counts.timeouts, 1)
    starts[1]?.() // too late: nothing comes of it
    for (const client of clients) await client.closed
    assert.deepEqual(
      conversations.map(({ made }) => made),
      [3, 3],
    )
  })
})

test('a conversation that waits is closed with its connection', async () => {
  const conversation = new Counting(3)
  let start = () => assert.fail('it was not asked for')
  conversation.whenReady = given => {
    start = given as typeof start
  }
  const listener = await TcpListener.listen(LOOPBACK, converse(conversation))
  const client = new TcpClient(listener.address)
  client.socket.write(wanted(1))
  await untilSteady(() => listener.counts.queries)
  await listener.close()
  assert.ok(conversation.closed > 0)
  start()
  assert.equal(conversation.made, 0)
  client.socket.destroy()
})

test('close ends conversations', async () => {
  const conversation = new Counting(1_000_000)
  const listener = await TcpListener.listen(LOOPBACK, converse(conversation))
  const client = new TcpClient(listener.address)
  client.socket.pause()
  client.socket.write(wanted(1))
  await untilSteady(() => conversation.made)
  await listener.close()
  assert.ok(conversation.closed > 0)
  client.socket.destroy()
})

/** Waits until a number has not grown for a while. */
async function untilSteady(number: () => number): Promise<void> {
  for (let last = -1; last !== number() || last === 0; ) {
    last = number()
    await sleep(100)
  }
}
