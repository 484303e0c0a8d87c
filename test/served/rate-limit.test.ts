import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { exchange } from '../ask.ts'
import { queryOf, type Told, takeApart } from '../engine/zones.ts'
import { startServer } from '../spawn.ts'
import { until } from '../until.ts'

const LIMIT = 20
const SOCKETS = 8
const QUESTIONS = 50
const CONFIG = `[dns]
threads = 2
[dns.rate_limit]
responses_per_second = ${LIMIT}
slip = 2
`

/** Asks from many ports at once, so that every thread is asked; returns the replies that came, once none comes any more. */
async function burst(t: TestContext, { address, port }: Endpoint, qname: string): Promise<Told[]> {
  const replies: Told[] = []
  const sockets = Array.from({ length: SOCKETS }, () => createSocket('udp4'))
  t.after(() => {
    for (const socket of sockets) socket.close()
  })
  for (const socket of sockets) {
    socket.on('message', message => replies.push(takeApart(message)))
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  const query = queryOf(qname, 'SOA', { edns: 1232 })
  for (let i = 0; i < QUESTIONS; i++) for (const socket of sockets) socket.send(query, port, address)
  const whole = () => replies.filter(({ tc }) => !tc).length
  await until(() => whole() >= LIMIT && replies.length > whole(), 'less than the limit came')
  for (let before = 0; before !== replies.length; ) {
    before = replies.length
    await sleep(300)
  }
  return replies
}

test('a burst gets the limit of replies from both threads together, some truncated ones, and TCP all', async t => {
  await using server = await startServer({ config: CONFIG })
  const started = Math.floor(Date.now() / 1000)
  const replies = await burst(t, server.endpoint(), 'freenet6.net.')
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
  for (const passage of ['dropped', 'slipped']) {
    const counted = new RegExp(`^freenet6_dns_limited_total\\{passage="${passage}"\\} [1-9]`, 'm')
    // Threads publish their counts now and then.
    await until(async () => counted.test(await (await fetch(`${server.web}/metrics`)).text()), passage)
  }
})
