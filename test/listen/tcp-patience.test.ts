import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { framed } from '../ask.ts'
import { message } from './fake-respond.ts'
import { SHORT_TIMES, TcpClient, untilClosed, withListener } from './tcp-world.ts'

test('a query that comes octet by octet has the time of one query, not that of each octet', () =>
  withListener({ limits: { times: { ...SHORT_TIMES, idle: 5000 } } }, async listener => {
    const client = new TcpClient(listener.address)
    const query = framed(message(1, 60))
    for (let i = 0; i < query.length && !client.socket.destroyed; i++) {
      client.socket.write(query.subarray(i, i + 1))
      await sleep(SHORT_TIMES.message / 5)
    }
    assert.equal(client.received.length, 0)
    await untilClosed(listener)
    assert.equal(listener.counts.timeouts, 1)
  }))
