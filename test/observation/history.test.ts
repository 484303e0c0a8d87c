import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { History } from '../../src/observation/history.ts'
import { SPANS, type Span } from '../../src/observation/tunnel-history.ts'

const MINUTE = 60
const HOUR = 3600
const DAY = 24 * HOUR

function setUp(maxTunnels = 10) {
  const clock = { now: 1_000_000 - (1_000_000 % SPANS.month.step) }
  return { clock, history: new History({ now: () => clock.now, maxTunnels }) }
}

const answered = (id: string, ms: number) => ({ answered: new Map([[id, ms]]), silent: [] })
const silent = (id: string) => ({ answered: new Map(), silent: [id] })

test('a bucket has the mean round trip, the share of losses and the traffic of its time', () => {
  const { clock, history } = setUp()
  history.record(answered('a', 10))
  clock.now += 20
  history.record(answered('a', 30))
  history.record(silent('a'))
  history.recordOctets(new Map([['a', { received: 7, sent: 14 }]]))
  for (const span of ['hour', 'day', 'month'] as const) {
    const { roundTripMs, loss, octets } = history.of('a', span).at(-1) ?? assert.fail(span)
    assert.deepEqual([roundTripMs, loss.toFixed(2), octets], [20, '0.33', { received: 7, sent: 14 }])
  }
})

test('a finished bucket is what it was, to a tenth of a millisecond and a thousandth of its octets', () => {
  const { clock, history } = setUp()
  history.record(answered('a', 12.34))
  history.record(silent('a'))
  history.recordOctets(new Map([['a', { received: 123_456, sent: 246_912 }]]))
  clock.now += MINUTE
  const bucket = history.of('a', 'hour').at(-2) ?? assert.fail('a bucket')
  assert.deepEqual([bucket.roundTripMs, bucket.loss], [12.3, 0.5])
  const { received = 0, sent = 0 } = bucket.octets ?? {}
  for (const share of [received / 123_456, sent / 246_912]) assert.ok(Math.abs(share - 1) < 0.001)
})

test('a time without a round is a gap, and neither an answer nor a loss', () => {
  const { clock, history } = setUp()
  history.record(answered('a', 10))
  clock.now += 3 * MINUTE
  history.record(silent('a'))
  const [before, one, two, now] = history.of('a', 'hour').slice(-4)
  assert.deepEqual([before?.loss, one, two, now?.loss], [0, undefined, undefined, 1])
})

test('an answer that nobody has timed counts as an answer, without a round trip', () => {
  const { history } = setUp()
  history.record(answered('a', 0))
  assert.deepEqual(history.of('a', 'hour').at(-1), { roundTripMs: undefined, loss: 0, octets: undefined })
})

test('what is older than its span is gone, however long nothing was noted', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 * DAY }), pause => {
      const { clock, history } = setUp()
      history.record(answered('a', 10))
      clock.now += pause
      for (const span of Object.keys(SPANS) as Span[]) {
        const { step, count } = SPANS[span]
        const buckets = history.of('a', span)
        const age = Math.floor(pause / step)
        assert.equal(buckets.length, count)
        assert.equal(buckets.filter(bucket => bucket !== undefined).length, age < count ? 1 : 0)
        if (age < count) assert.equal(buckets.at(-1 - age)?.roundTripMs, 10)
      }
    }),
  )
})

test('tunnels of which nothing was heard for a month are forgotten, and the stalest where there are too many', () => {
  const { clock, history } = setUp(2)
  for (const id of ['a', 'b', 'c']) history.record(answered(id, 1))
  assert.deepEqual([history.size, history.of('a', 'hour')], [2, []])
  clock.now += 31 * DAY
  history.record(answered('c', 1))
  assert.equal(history.size, 1)
})

test('a tunnel costs less than two kilobytes', () => {
  const { history } = setUp(Number.POSITIVE_INFINITY)
  const before = process.memoryUsage().arrayBuffers
  const tunnels = 2000
  history.record({ answered: new Map(Array.from({ length: tunnels }, (_, i) => [`t${i}`, 1])), silent: [] })
  const each = (process.memoryUsage().arrayBuffers - before) / tunnels
  assert.ok(each > 1000 && each < 2048, `${each} octets`)
})
