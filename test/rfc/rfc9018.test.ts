import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Nameserver } from '../../src/engine/nameserver.ts'
import {
  askAs,
  OPTION,
  option,
  type Sender,
  secretsOf,
  serveOptions,
  toldOption,
} from '../engine/edns-options.ts'

const ZONE = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.'
const SECRET = 'e5e973e5a6b2a43f48e7dc849e37bfcf'
const OLDER_SECRET = 'dd3bdf9344b678b185a6f5cb60fca715'
const NEWER_SECRET = '445536bcd2513298075a5d379663c962'
const CLIENT_COOKIE = '2464c4abcf10c957'

interface Exchange {
  readonly says: string
  /** Oldest first. */
  readonly secrets: readonly string[]
  readonly address: string
  readonly at: number
  readonly sent: string
  readonly valid: boolean
  readonly told: string
}

/** Appendix A, exchange by exchange. */
const EXCHANGES: readonly Exchange[] = [
  {
    says: 'A.1: a new server cookie',
    secrets: [SECRET],
    address: '198.51.100.100',
    at: 1_559_731_985,
    sent: '2464c4abcf10c957',
    valid: false,
    told: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
  },
  {
    says: 'A.2: the same client 40 minutes later: a renewed one',
    secrets: [SECRET],
    address: '198.51.100.100',
    at: 1_559_734_385,
    sent: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
    valid: true,
    told: '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
  },
  {
    // The example comes 112 minutes after its cookie was made, so by 4.3 it has run out: it is renewed all the same.
    says: 'A.3: another client, whose cookie has reserved bits: a renewed one without',
    secrets: [SECRET],
    address: '203.0.113.203',
    at: 1_559_734_700,
    sent: 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5',
    valid: false,
    told: 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
  },
  {
    says: 'A.4: over IPv6, made with the secret before',
    secrets: [OLDER_SECRET, NEWER_SECRET],
    address: '2001:db8:220:1:59de:d0f4:8769:82b8',
    at: 1_559_741_961,
    sent: '22681ab97d52c298010000005cf7c57926556bd0934c72f8',
    valid: true,
    told: '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
  },
]

for (const { says, secrets, address, at, sent, valid, told } of EXCHANGES) {
  test(says, () => {
    const nameserver = serveOptions([ZONE], secretsOf(...secrets))
    assert.deepEqual(exchange(nameserver, sent, { address, at }), [told, valid])
  })
}

/** Sends a cookie: what comes back, and whether it counted as valid. */
function exchange(
  nameserver: Nameserver,
  cookie: string,
  sender: Sender = {},
): [string | undefined, boolean] {
  const before = nameserver.counts.validCookies
  const told = askAs(nameserver, ['example.', 'SOA'], [option(OPTION.COOKIE, cookie)], sender)
  assert.equal(told.answer.length, 1)
  return [toldOption(told, OPTION.COOKIE), nameserver.counts.validCookies > before]
}

/** A cookie that the nameserver gives at a time. */
function cookieOf(nameserver: Nameserver, sender: Sender = {}): string {
  return exchange(nameserver, CLIENT_COOKIE, sender)[0] ?? assert.fail('no cookie in the reply')
}

test('4.1: a cookie of another version or length is not ours, and is replaced', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = cookieOf(nameserver)
  for (const other of [
    `${cookie.slice(0, 16)}00${cookie.slice(18)}`,
    `${cookie.slice(0, 16)}02${cookie.slice(18)}`,
    cookie.slice(0, -2),
    `${cookie}00`,
    cookie.slice(0, 32),
    `${cookie}${'00'.repeat(16)}`,
  ])
    assert.deepEqual(exchange(nameserver, other), [cookie, false], other)
})

test('4.2: reserved octets that are not zero count as they came', () => {
  const nameserver = serveOptions([ZONE], secretsOf(SECRET))
  const [, valid] = exchange(nameserver, EXCHANGES[2]?.sent ?? '', {
    address: '203.0.113.203',
    at: 1_559_727_985 + 60,
  })
  assert.equal(valid, true)
})

test('4.2: reserved octets that were changed on the way spoil the hash', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = cookieOf(nameserver)
  const changed = `${cookie.slice(0, 18)}000001${cookie.slice(24)}`
  assert.deepEqual(exchange(nameserver, changed), [cookie, false])
})

test('4.3: a cookie is taken for an hour, and five minutes before its time', () => {
  const nameserver = serveOptions([ZONE])
  const made = 1_780_000_000
  const cookie = cookieOf(nameserver, { at: made })
  for (const [seconds, valid] of [
    [-301, false],
    [-300, true],
    [-1, true],
    [0, true],
    [3600, true],
    [3601, false],
    [2 ** 31, false],
  ] as const)
    assert.equal(exchange(nameserver, cookie, { at: made + seconds })[1], valid, `${seconds} s`)
})

test('4.3: after half an hour a cookie is replaced, before it comes back as it is', () => {
  const nameserver = serveOptions([ZONE])
  const made = 1_780_000_000
  const cookie = cookieOf(nameserver, { at: made })
  assert.deepEqual(exchange(nameserver, cookie, { at: made + 1800 }), [cookie, true])
  const [renewed, valid] = exchange(nameserver, cookie, { at: made + 1801 })
  assert.equal(valid, true)
  assert.equal(renewed, cookieOf(nameserver, { at: made + 1801 }))
  assert.notEqual(renewed, cookie)
})

test('4.3: time is compared by serial arithmetic, across the end of 32 bits', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = cookieOf(nameserver, { at: 2 ** 32 - 100 })
  for (const [at, valid] of [
    [2 ** 32 + 100, true],
    [2 ** 32 + 3500, true],
    [2 ** 32 + 3501, false],
    [2 ** 32 - 401, false],
  ] as const)
    assert.equal(exchange(nameserver, cookie, { at })[1], valid, `${at}`)
  const later = cookieOf(nameserver, { at: 2 ** 32 + 50 })
  assert.equal(later.slice(24, 32), '00000032')
  for (const [at, valid] of [
    [2 ** 32 + 3650, true],
    [2 ** 32 + 3651, false],
    [2 ** 32 - 250, true],
    [2 ** 32 - 251, false],
  ] as const)
    assert.equal(exchange(nameserver, later, { at })[1], valid, `${at}`)
})

test('4.4: a cookie is good from its own address, with its own client cookie, and no other', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = cookieOf(nameserver, { address: '192.0.2.1' })
  assert.equal(exchange(nameserver, cookie, { address: '192.0.2.1' })[1], true)
  for (const address of ['192.0.2.2', '::192.0.2.1', '::ffff:192.0.2.1', 'c000:201::'])
    assert.equal(exchange(nameserver, cookie, { address })[1], false, address)
  const other = `ffffffffffffffff${cookie.slice(16)}`
  assert.equal(exchange(nameserver, other, { address: '192.0.2.1' })[1], false)
})

test('4.4: from an address that is not known no cookie is good', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = cookieOf(nameserver, { address: '' })
  assert.equal(exchange(nameserver, cookie, { address: '' })[1], false)
})

test('4.4: no bit of a cookie can be changed', () => {
  const nameserver = serveOptions([ZONE])
  const cookie = Buffer.from(cookieOf(nameserver), 'hex')
  for (let bit = 0; bit < cookie.length * 8; bit++) {
    const changed = Buffer.from(cookie)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(exchange(nameserver, changed.toString('hex'))[1], false, `bit ${bit}`)
  }
})

test('5: cookies of the secret before are taken and replaced, those of the one before that are not', () => {
  const secrets = secretsOf(OLDER_SECRET)
  const nameserver = serveOptions([ZONE], secrets)
  const first = cookieOf(nameserver)
  secrets.roll(Buffer.from(SECRET, 'hex'))
  const second = cookieOf(nameserver)
  assert.notEqual(second, first)
  assert.deepEqual(exchange(nameserver, first), [second, true])
  secrets.roll(Buffer.from(NEWER_SECRET, 'hex'))
  const third = cookieOf(nameserver)
  assert.deepEqual(exchange(nameserver, first), [third, false])
  assert.deepEqual(exchange(nameserver, second), [third, true])
})
