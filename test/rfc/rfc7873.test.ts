import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE } from '../../src/wire/codes.ts'
import {
  askAs,
  OPTION,
  option,
  type Sender,
  sendAs,
  serveOptions,
  toldOption,
} from '../engine/edns-options.ts'
import { optOf, queryOf, serve, type Told } from '../engine/zones.ts'

const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
${Array.from({ length: 40 }, (_, i) => `big.example. 300 IN TXT "${'x'.repeat(60)}${i}"`).join('\n')}`
const CLIENT_COOKIE = '2464c4abcf10c957'
const WRONG = `${CLIENT_COOKIE}${'0011223344556677'.repeat(2)}`
const TRANSPORTS = ['udp', 'tcp'] as const
const nameserver = serveOptions([ZONE])

function askSoa(server: Nameserver, cookies: readonly string[], sender: Sender = {}): Told {
  return askAs(
    server,
    ['example.', 'SOA'],
    cookies.map(cookie => option(OPTION.COOKIE, cookie)),
    sender,
  )
}

function goodCookie(): string {
  return (
    toldOption(askSoa(nameserver, [CLIENT_COOKIE]), OPTION.COOKIE) ?? assert.fail('no cookie in the reply')
  )
}

/** A message without a question: header, and the OPT where there is one. */
function withoutQuestion(options?: readonly Uint8Array[], opcode = 0): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(opcode << 11, 2)
  head.writeUInt16BE(options === undefined ? 0 : 1, 10)
  return Buffer.concat([
    head,
    options === undefined ? Buffer.alloc(0) : optOf({ options: Buffer.concat(options) }),
  ])
}

test('5.2: where cookies are off, the option counts for nothing', () => {
  const told = askSoa(serve(ZONE), [CLIENT_COOKIE])
  assert.deepEqual([told.rcode, told.answer.length, told.opt?.options.size], [RCODE.NOERROR, 1, 0])
})

test('5.2: of several cookies the first one counts, whatever the others are', () => {
  const good = goodCookie()
  const before = nameserver.counts.validCookies
  assert.equal(toldOption(askSoa(nameserver, [good, WRONG]), OPTION.COOKIE), good)
  assert.equal(toldOption(askSoa(nameserver, [good, '00']), OPTION.COOKIE), good)
  assert.equal(nameserver.counts.validCookies, before + 2)
  askSoa(nameserver, [WRONG, good])
  assert.equal(nameserver.counts.validCookies, before + 2)
})

test('5.2.1: who sends no cookie gets none', () => {
  assert.equal(toldOption(askSoa(nameserver, []), OPTION.COOKIE), undefined)
  assert.equal(sendAs(nameserver, queryOf('example.', 'SOA')).opt, undefined)
})

test('5.2.2: a COOKIE option of a length that no cookie has is malformed', () => {
  for (const server of [nameserver, serve(ZONE)]) {
    for (let length = 0; length <= 48; length++) {
      const isCookie = length === 8 || (length >= 16 && length <= 40)
      const { rcode } = askSoa(server, ['07'.repeat(length)])
      assert.equal(rcode, isCookie ? RCODE.NOERROR : RCODE.FORMERR, `${length} octets`)
    }
  }
})

test('5.2.2: a COOKIE option that is malformed gets no cookie', () => {
  assert.equal(toldOption(askSoa(nameserver, ['07'.repeat(9)]), OPTION.COOKIE), undefined)
})

for (const transport of TRANSPORTS) {
  test(`5.2.3: a client cookie alone is answered, and gets a server cookie, over ${transport}`, () => {
    const told = askSoa(nameserver, [CLIENT_COOKIE], { transport })
    assert.deepEqual([told.rcode, told.answer.length], [RCODE.NOERROR, 1])
    assert.match(toldOption(told, OPTION.COOKIE) ?? '', /^2464c4abcf10c95701000000[0-9a-f]{24}$/)
  })

  test(`5.2.4: a wrong server cookie is answered as if it were not there, over ${transport}`, () => {
    const told = askSoa(nameserver, [WRONG], { transport })
    assert.deepEqual([told.rcode, told.answer.length], [RCODE.NOERROR, 1])
    assert.equal(toldOption(told, OPTION.COOKIE), goodCookie())
  })

  test(`5.2.5: a valid server cookie is answered and comes back, over ${transport}`, () => {
    const good = goodCookie()
    const told = askSoa(nameserver, [good], { transport })
    assert.deepEqual([told.rcode, told.answer.length], [RCODE.NOERROR, 1])
    assert.equal(toldOption(told, OPTION.COOKIE), good)
  })
}

test('5.2.5: a valid server cookie comes back as it is to its sender, whoever has asked meanwhile', () => {
  const good = goodCookie()
  askSoa(nameserver, ['ffffffffffffffff'])
  assert.equal(toldOption(askSoa(nameserver, [good]), OPTION.COOKIE), good)
})

test('5.3: errors carry the cookie too: a client throws a reply without one away', () => {
  const cookie = option(OPTION.COOKIE, CLIENT_COOKIE)
  for (const [told, rcode] of [
    [askAs(nameserver, ['no.example.', 'A'], [cookie]), RCODE.NXDOMAIN],
    [askAs(nameserver, ['elsewhere.', 'A'], [cookie]), RCODE.REFUSED],
    [askAs(nameserver, ['example.', 'MAILA'], [cookie]), RCODE.NOTIMP],
    [askAs(nameserver, ['example.', 'SOA'], [cookie], { opcode: 2 }), RCODE.NOTIMP],
    [askAs(nameserver, ['example.', 'SOA'], [cookie], { opcode: 4 }), RCODE.REFUSED],
    [askAs(nameserver, ['example.', 'SOA'], [cookie], { version: 1 }), RCODE.BADVERS],
    [askAs(nameserver, ['example.', 'NXNAME'], [cookie]), RCODE.FORMERR],
    [sendAs(nameserver, withTrailingOctet(cookie)), RCODE.FORMERR],
  ] as const) {
    assert.equal(told.rcode, rcode)
    assert.equal(toldOption(told, OPTION.COOKIE), goodCookie())
  }
})

function withTrailingOctet(options: Uint8Array): Uint8Array {
  return Buffer.concat([queryOf('example.', 'SOA', { edns: 1232, options }), Uint8Array.of(0)])
}

test('5.3: a truncated reply carries the cookie too, within what the client takes', () => {
  for (const edns of [512, 600, 1232]) {
    const told = askAs(nameserver, ['big.example.', 'TXT'], [option(OPTION.COOKIE, CLIENT_COOKIE)], { edns })
    assert.equal(told.tc, true)
    assert.ok(told.octets.length <= edns)
    assert.equal(toldOption(told, OPTION.COOKIE), goodCookie())
  }
})

for (const transport of TRANSPORTS) {
  test(`5.4: a cookie can be asked for without a question, over ${transport}`, () => {
    const good = goodCookie()
    for (const [cookie, rcode] of [
      [CLIENT_COOKIE, RCODE.NOERROR],
      [good, RCODE.NOERROR],
      [WRONG, RCODE.BADCOOKIE],
      [good.slice(0, 32), RCODE.BADCOOKIE],
    ] as const) {
      const told = sendAs(nameserver, withoutQuestion([option(OPTION.COOKIE, cookie)]), { transport })
      assert.deepEqual([told.rcode, toldOption(told, OPTION.COOKIE)], [rcode, good], cookie)
      assert.deepEqual(
        [told.question.length, told.answer.length, told.authority.length, told.additional.length, told.aa],
        [0, 0, 0, 0, false],
      )
    }
  })
}

test('5.4: who asks for nothing at all is malformed', () => {
  assert.equal(sendAs(nameserver, withoutQuestion()).rcode, RCODE.FORMERR)
  assert.equal(sendAs(nameserver, withoutQuestion([])).rcode, RCODE.FORMERR)
  assert.equal(sendAs(nameserver, withoutQuestion([option(OPTION.NSID)])).rcode, RCODE.FORMERR)
  assert.equal(sendAs(nameserver, withoutQuestion([option(OPTION.COOKIE, '00')])).rcode, RCODE.FORMERR)
  const off = sendAs(serve(ZONE), withoutQuestion([option(OPTION.COOKIE, CLIENT_COOKIE)]))
  assert.equal(off.rcode, RCODE.FORMERR)
})

test('5.4: only a QUERY can be without a question, and only without records', () => {
  const notify = withoutQuestion([option(OPTION.COOKIE, CLIENT_COOKIE)], 4)
  assert.equal(sendAs(nameserver, notify).rcode, RCODE.FORMERR)
  for (const count of [6, 8]) {
    const query = withoutQuestion([option(OPTION.COOKIE, CLIENT_COOKIE)])
    query.writeUInt16BE(1, count) // the OPT then stands in that section
    query.writeUInt16BE(0, 10)
    assert.equal(sendAs(nameserver, query).rcode, RCODE.FORMERR)
  }
})

test('7.2: cookies that were valid and those that were not are counted, and BADCOOKIE', () => {
  const server = serveOptions([ZONE])
  const good = goodCookie()
  for (const cookie of [CLIENT_COOKIE, good, good, WRONG]) askSoa(server, [cookie])
  sendAs(server, withoutQuestion([option(OPTION.COOKIE, WRONG)]))
  const { validCookies, invalidCookies, badcookie, noerror, servfail } = server.counts
  assert.deepEqual(
    { validCookies, invalidCookies, badcookie, noerror, servfail },
    { validCookies: 2, invalidCookies: 2, badcookie: 1, noerror: 4, servfail: 0 },
  )
})
