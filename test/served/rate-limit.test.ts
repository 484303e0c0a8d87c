import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { exchange } from '../ask.ts'
import { queryOf, takeApart } from '../engine/zones.ts'
import { startServer } from '../spawn.ts'

const LIMIT = 20
const SOCKETS = 8
const QUESTIONS = 50
const CONFIG = `[dns]
threads = 2
[dns.rate_limit]
responses_per_second = ${LIMIT}
slip = 2
`

/** Asks from many ports at once, so that every thread is asked; returns the replies that came. */
async function burst({ address, port }: Endpoint, qname: string): Promise<ReturnType<typeof takeApart>[]> {
  const replies: Buffer[] = []
  const sockets = Array.from({ length: SOCKETS }, () => createSocket('udp4'))
  for (const socket of sockets) {
    socket.on('message', message => replies.push(message))
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  const query = queryOf(qname, 'SOA', { edns: 1232 })
  for (let i = 0; i < QUESTIONS; i++) for (const socket of sockets) socket.send(query, port, address)
  for (let before = -1; before !== replies.length; ) {
    before = replies.length
    await sleep(300)
  }
  for (const socket of sockets) socket.close()
  return replies.map(takeApart)
}

test('a burst gets the limit of replies from both threads together, some truncated ones, and TCP all', async () => {
  await using server = await startServer({ config: CONFIG })
  const started = Math.floor(Date.now() / 1000)
  const replies = await burst(server.endpoint(), 'freenet6.net.')
  const seconds = Math.floor(Date.now() / 1000) - started + 1
  const whole = replies.filter(reply => !reply.tc)
  const slipped = replies.filter(reply => reply.tc)
  // Each second that the burst touches has a limit of its own; two threads may miscount a few.
  assert.ok(
    whole.length >= LIMIT && whole.length <= LIMIT * seconds + SOCKETS,
    `${whole.length} whole replies`,
  )
  assert.ok(slipped.length > 0 && replies.length < SOCKETS * QUESTIONS, `${replies.length} replies`)
  assert.ok(slipped.every(reply => reply.answer.length === 0 && reply.opt !== undefined))
  for (let i = 0; i < LIMIT * 2; i++) {
    const reply = takeApart(
      await exchange(server.endpoint(), Buffer.from(queryOf('freenet6.net.', 'SOA')), { tcp: true }),
    )
    assert.equal(reply.answer.length, 1)
  }
  const metrics = await (await fetch(`${server.web}/metrics`)).text()
  assert.match(metrics, /^freenet6_dns_limited_total\{passage="dropped"\} [1-9]\d*$/m)
  assert.match(metrics, /^freenet6_dns_limited_total\{passage="slipped"\} [1-9]\d*$/m)
})
