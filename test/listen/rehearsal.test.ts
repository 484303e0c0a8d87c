import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { Client } from '../../src/engine/client.ts'
import { Nameserver, type NameserverOptions } from '../../src/engine/nameserver.ts'
import { newRateLimitBuckets } from '../../src/engine/rate-limit.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { Rehearsal } from '../../src/listen/threads/rehearsal.ts'
import { rehearsalEngine, rehearsalQueries } from '../../src/listen/threads/rehearsal-queries.ts'
import { catalogOf } from '../engine/zones.ts'
import { noBatches } from './batch-listener.ts'

const NOERROR = 0
const NXDOMAIN = 3

const libc = await loadLibc()

function engine(): NameserverOptions {
  const catalog = catalogOf('example. 60 IN SOA ns. h. 1 2 3 4 60\nexample. 60 IN NS ns.')
  const buckets = newRateLimitBuckets(randomBytes(16))
  const rateLimit = { buckets, responsesPerSecond: 1, allPerSecond: 1, slip: 0 }
  return { catalog, nsid: 'a', version: 'b', hostname: 'c', rateLimit }
}

describe('a rehearsal', () => {
  test('asks for names that are there and names that are not, and every query has its answer', () => {
    const nameserver = new Nameserver(rehearsalEngine(engine()))
    const client = new Client('udp')
    client.note('127.0.0.1', 0)
    const rcodes = rehearsalQueries().map(query => {
      const reply = new Uint8Array(1280)
      const length = nameserver.respond(query, query.length, reply, client)
      return length === 0 ? 'silence' : (reply[3] ?? 0) & 0xf
    })
    assert.deepEqual(new Set(rcodes), new Set([NOERROR, NXDOMAIN]))
    const absent = rcodes.filter(rcode => rcode === NXDOMAIN).length
    assert.equal(absent / rcodes.length, 2 / 7)
  })

  test('ends, and leaves the table and the share of clients alone', { skip: noBatches }, () => {
    assert.ok(libc)
    const options = engine()
    assert.ok(options.rateLimit)
    const buckets = Buffer.from(options.rateLimit.buckets)
    const table = Buffer.from(options.catalog.buffer)
    const before = [buckets, table].map(octets => Buffer.from(octets))
    const rehearsal = new Rehearsal(libc, options)
    assert.equal(rehearsal.isOver, false)
    while (!rehearsal.isOver) rehearsal.goOn()
    assert.deepEqual([buckets, table], before)
  })
})
