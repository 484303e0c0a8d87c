import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Client } from '../../src/engine/client.ts'
import { CookieSecrets } from '../../src/engine/cookie-secrets.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { newRateLimitBuckets, PASSAGE, RateLimit } from '../../src/engine/rate-limit.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { type Asked, catalogOf, queryOf, type Told, takeApart } from './zones.ts'

const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
www.example. 300 IN A 192.0.2.1
ftp.example. 300 IN A 192.0.2.5
mail.example. 300 IN A 192.0.2.2
deep.down.example. 300 IN A 192.0.2.3
*.wild.example. 300 IN A 192.0.2.4
cut.example. 300 IN NS ns.elsewhere.
old.example. 300 IN DNAME new.example.`
const COOKIE = 10
const room = new Uint8Array(65_535)

/** A server with a limit, a clock that is moved by hand, and clients anywhere. */
class Limited {
  readonly nameserver: Nameserver
  now = 1_800_000_000

  constructor({ responsesPerSecond = 5, allPerSecond = 0, slip = 0, cookies = false } = {}) {
    const secrets = new CookieSecrets()
    secrets.roll(Uint8Array.from({ length: 16 }, (_, i) => i))
    this.nameserver = new Nameserver({
      catalog: catalogOf(ZONE),
      nsid: '',
      version: 'v',
      hostname: '',
      ...(cookies ? { cookieSecrets: secrets.buffer } : {}),
      rateLimit: {
        buckets: newRateLimitBuckets(Uint8Array.from({ length: 16 }, (_, i) => 7 * i)),
        responsesPerSecond,
        allPerSecond,
        slip,
      },
    })
  }

  /** Undefined is silence. */
  ask(address: string, qname: string, asked: Asked = {}): Told | undefined {
    const client = new Client(asked.transport ?? 'udp')
    client.note(address, this.now)
    const query = queryOf(qname, 'A', asked)
    const length = this.nameserver.respond(query, query.length, room, client)
    return length === 0 ? undefined : takeApart(Buffer.from(room.slice(0, length)))
  }

  /** How many of so many questions are answered. */
  answered(
    count: number,
    address: string,
    qname: string | ((i: number) => string),
    asked: Asked = {},
  ): number {
    let answers = 0
    for (let i = 0; i < count; i++) {
      const told = this.ask(address, typeof qname === 'string' ? qname : qname(i), asked)
      if (told !== undefined && !told.tc && told.rcode !== RCODE.BADCOOKIE) answers++
    }
    return answers
  }
}

describe('over the limit', () => {
  test('replies are left out, and in the next second there are as many again', () => {
    const server = new Limited()
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
    assert.equal(server.nameserver.counts.limited, 15)
    server.now++
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
  })

  test('every slip-th reply goes out with TC and nothing in it, question and OPT kept', () => {
    const server = new Limited({ slip: 3 })
    server.answered(5, '192.0.2.1', 'www.example.', { edns: 1232 })
    const told = Array.from({ length: 9 }, () => server.ask('192.0.2.1', 'www.example.', { edns: 1232 }))
    assert.deepEqual(
      told.map(reply => reply !== undefined),
      [false, false, true, false, false, true, false, false, true],
    )
    const [, , slipped] = told
    assert.ok(slipped)
    assert.deepEqual(
      [slipped.tc, slipped.aa, slipped.rcode, slipped.answer.length],
      [true, false, RCODE.NOERROR, 0],
    )
    assert.deepEqual([slipped.question.length, slipped.opt?.payloadSize], [17, 1232])
    assert.equal(server.nameserver.counts.slipped, 3)
  })

  test('with a slip of 1 every reply is truncated and none left out', () => {
    const server = new Limited({ slip: 1 })
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
    assert.deepEqual([server.nameserver.counts.limited, server.nameserver.counts.slipped], [0, 15])
  })

  test('who sends a cookie gets BADCOOKIE and ours instead of TC, and with ours is not limited', () => {
    const server = new Limited({ slip: 1, cookies: true })
    const options = Buffer.concat([Buffer.of(0, COOKIE, 0, 8), Buffer.from('12345678')])
    server.answered(5, '192.0.2.1', 'www.example.')
    const told = server.ask('192.0.2.1', 'www.example.', { edns: 1232, options })
    assert.deepEqual([told?.rcode, told?.tc], [RCODE.BADCOOKIE, false])
    const cookie = told?.opt?.options.get(COOKIE) ?? assert.fail('no cookie')
    const whole = Buffer.concat([Buffer.of(0, COOKIE, 0, cookie.length), cookie])
    assert.equal(server.answered(50, '192.0.2.1', 'www.example.', { edns: 1232, options: whole }), 50)
  })

  test('where cookies are off, who sends one gets TC like everybody', () => {
    const server = new Limited({ slip: 1 })
    const options = Buffer.concat([Buffer.of(0, COOKIE, 0, 8), Buffer.from('12345678')])
    server.answered(5, '192.0.2.1', 'www.example.')
    const told = server.ask('192.0.2.1', 'www.example.', { edns: 1232, options })
    assert.deepEqual([told?.rcode, told?.tc], [RCODE.NOERROR, true])
  })

  test('TCP goes on', () => {
    const server = new Limited()
    server.answered(20, '192.0.2.1', 'www.example.')
    assert.equal(server.answered(50, '192.0.2.1', 'www.example.', { transport: 'tcp' }), 50)
  })
})

describe('counted apart', () => {
  test('are two names of the same length', () => {
    const server = new Limited()
    server.answered(20, '192.0.2.1', 'www.example.')
    assert.equal(server.answered(20, '192.0.2.1', 'ftp.example.'), 5)
  })
})

describe('counted together', () => {
  test('are the addresses of an IPv4 /24 and of an IPv6 /56, and no others', () => {
    const server = new Limited()
    server.answered(20, '192.0.2.1', 'www.example.')
    assert.equal(server.answered(20, '192.0.2.200', 'www.example.'), 0)
    assert.equal(server.answered(20, '192.0.3.1', 'www.example.'), 5)
    server.answered(20, '2001:db8:0:100::1', 'www.example.')
    assert.equal(server.answered(20, '2001:db8:0:1ff::9', 'www.example.'), 0)
    assert.equal(server.answered(20, '2001:db8:0:200::1', 'www.example.'), 5)
  })

  test('are answers that no zone gives, whatever was asked before', () => {
    const server = new Limited()
    const query = queryOf('version.bind.', 'TXT', { class: 3 })
    const client = new Client('udp')
    client.note('192.0.2.1', server.now)
    let answers = 0
    for (let i = 0; i < 20; i++) {
      server.ask(`198.51.${i}.1`, i % 2 === 0 ? 'www.example.' : `a.b${i}.wild.example.`)
      if (server.nameserver.respond(query, query.length, room, client) !== 0) answers++
    }
    assert.equal(answers, 5)
  })

  test('are all cases of a name', () => {
    const server = new Limited()
    assert.equal(
      server.answered(20, '192.0.2.1', i => (i % 2 === 0 ? 'www.example.' : 'WwW.eXample.')),
      5,
    )
  })

  test('are names that do not exist, by their closest encloser', () => {
    const server = new Limited()
    assert.equal(
      server.answered(50, '192.0.2.1', i => `x${i}.example.`),
      5,
    )
    assert.equal(
      server.answered(50, '192.0.2.1', i => `a.b.c${i}.example.`),
      0,
    )
    assert.equal(
      server.answered(50, '192.0.2.1', i => `x${i}.down.example.`),
      5,
    )
  })

  test('are names of one wildcard, one DNAME, one cut', () => {
    const server = new Limited()
    for (const above of ['wild', 'old', 'cut'])
      assert.equal(
        server.answered(50, '192.0.2.1', i => `x${i}.${above}.example.`),
        5,
        above,
      )
  })

  test('are errors, whatever was asked', () => {
    const server = new Limited()
    assert.equal(
      server.answered(50, '192.0.2.1', i => `x${i}.elsewhere.`),
      5,
    )
    assert.equal(server.answered(50, '192.0.2.1', 'www.example.', { opcode: 5 }), 0)
  })

  test('are not answers about other names', () => {
    const server = new Limited()
    server.answered(50, '192.0.2.1', i => `x${i}.example.`)
    server.answered(50, '192.0.2.1', 'mail.example.')
    server.answered(50, '192.0.2.1', 'x.elsewhere.')
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
    assert.equal(server.answered(20, '192.0.2.1', 'deep.down.example.'), 5)
  })
})

describe('the ceiling for a network', () => {
  const all = { responsesPerSecond: 0, allPerSecond: 8 }

  test('holds whatever is asked, be it names without number, and starts anew with the second', () => {
    const server = new Limited(all)
    const names = ['www.example.', 'mail.example.', 'deep.down.example.', 'x.elsewhere.', 'no.example.']
    const ask = () => server.answered(50, '192.0.2.1', i => names[i % names.length] ?? '')
    assert.equal(ask(), 8)
    assert.equal(server.nameserver.counts.limited, 42)
    server.now++
    assert.equal(ask(), 8)
  })

  test('is one for all addresses of a network, and none for other networks', () => {
    const server = new Limited(all)
    server.answered(50, '192.0.2.1', 'www.example.')
    assert.equal(server.answered(9, '192.0.2.77', 'mail.example.'), 0)
    assert.equal(server.answered(9, '192.0.3.1', 'mail.example.'), 8)
  })

  test('lets slip, and lets TCP and our cookies by, as the limit of a kind does', () => {
    const server = new Limited({ ...all, slip: 2, cookies: true })
    const options = Buffer.concat([Buffer.of(0, COOKIE, 0, 8), Buffer.from('12345678')])
    const cookie = server.ask('192.0.2.1', 'www.example.', { edns: 1232, options })?.opt?.options.get(COOKIE)
    assert.ok(cookie)
    assert.equal(server.answered(50, '192.0.2.1', 'www.example.'), 7)
    assert.deepEqual([server.nameserver.counts.limited, server.nameserver.counts.slipped], [22, 21])
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.', { transport: 'tcp' }), 20)
    const whole = Buffer.concat([Buffer.of(0, COOKIE, 0, cookie.length), cookie])
    assert.equal(server.answered(20, '192.0.2.1', 'www.example.', { edns: 1232, options: whole }), 20)
  })

  test('is not used up by replies that the limit of their kind has left out', () => {
    const server = new Limited({ responsesPerSecond: 5, allPerSecond: 8 })
    server.answered(500, '192.0.2.1', 'www.example.')
    assert.equal(server.answered(20, '192.0.2.1', 'mail.example.'), 3)
  })
})

test('who is given the bucket of another begins to count anew', () => {
  const buckets = newRateLimitBuckets(Buffer.alloc(16, 7))
  const limit = new RateLimit({ buckets, responsesPerSecond: 5, allPerSecond: 0, slip: 0 })
  const client = new Client('udp')
  const passes = (count: number, network: number) => {
    client.length = 4
    client.octets.set([network >> 16, network >> 8, network])
    client.seconds = 1_800_000_000
    let passed = 0
    for (let i = 0; i < count; i++) if (limit.pass(client, 0, client.octets, 0) === PASSAGE.SEND) passed++
    return passed
  }
  // More networks than there are buckets, so that every set is full of those that have had four replies.
  for (let network = 0; network < 150_000; network++) passes(4, network)
  for (let network = 0; network < 1000; network++) assert.equal(passes(4, 0x900000 + network), 4)
})

test('a reply without a name of a zone is counted by its network, after whatever came before', () => {
  const server = new Limited()
  server.answered(3, '192.0.2.1', 'a.very.long.name.that.is.not.there.example.')
  assert.equal(server.answered(20, '192.0.2.1', 'version.bind.', { class: 3 }), 5)
})

test('a flood from everywhere leaves room for those who ask seldom', () => {
  const server = new Limited()
  for (let i = 0; i < 200_000; i++) server.ask(`10.${(i >> 8) & 255}.${i & 255}.${i >> 16}`, 'www.example.')
  assert.equal(server.answered(3, '203.0.113.9', 'www.example.'), 3)
})

test('a flooding network stays limited while others come', () => {
  const server = new Limited()
  let answers = 0
  for (let i = 0; i < 20_000; i++) {
    if (server.ask('192.0.2.1', 'www.example.') !== undefined) answers++
    server.ask(`10.${(i >> 8) & 255}.${i & 255}.1`, 'www.example.')
  }
  assert.ok(answers < 100, `${answers} answers`)
})

test('without a limit nothing is left out', () => {
  const nameserver = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: '' })
  const client = new Client('udp')
  client.note('192.0.2.1', 1_000_000)
  const query = queryOf('www.example.', 'A')
  for (let i = 0; i < 1000; i++) assert.ok(nameserver.respond(query, query.length, room, client) > 0)
})

test('whatever is asked, no network gets more whole replies about a name in a second than the limit', () => {
  const question = fc.record({
    network: fc.nat(3),
    host: fc.nat(255),
    qname: fc.constantFrom('www.example.', 'mail.example.', 'no.example.', 'x.wild.example.', 'y.elsewhere.'),
    pause: fc.constantFrom(0, 0, 0, 0, 0, 1),
  })
  fc.assert(
    fc.property(
      fc.array(question, { maxLength: 300 }),
      fc.integer({ min: 1, max: 9 }),
      (questions, limit) => {
        const server = new Limited({ responsesPerSecond: limit, slip: 2 })
        const counts = new Map<string, number>()
        for (const { network, host, qname, pause } of questions) {
          server.now += pause
          const told = server.ask(`198.18.${network}.${host}`, qname)
          if (told === undefined || told.tc) continue
          const key = `${network} ${qname} ${server.now}`
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        for (const [key, count] of counts) assert.ok(count <= limit, key)
      },
    ),
    { interruptAfterTimeLimit: 3000 },
  )
})

test('a thread that is a second behind another one gives nobody more', () => {
  const server = new Limited()
  let answers = 0
  for (let i = 0; i < 50; i++) {
    server.now += i % 2 === 0 ? 1 : -1
    answers += server.answered(1, '192.0.2.1', 'www.example.')
  }
  assert.equal(answers, 5)
})

test('a clock that is set back by more limits nobody for longer than a second', () => {
  const server = new Limited()
  assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
  server.now -= 3600
  assert.equal(server.answered(20, '192.0.2.1', 'www.example.'), 5)
})
