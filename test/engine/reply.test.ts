/** Replies at their limit: what does not fit to the last octet leaves no trace, neither in the message nor in what names point to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Query } from '../../src/engine/query.ts'
import { Reply } from '../../src/engine/reply.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { COUNT } from '../../src/wire/message.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { readReply } from '../wire-reader.ts'
import { nameOf } from '../zone/zone-text.ts'

const ROOM = 2000
const QUESTION = nameOf('www.Example.')
const QUESTION_END = 12 + QUESTION.length + 4

/** The owner of what is put, which the reply holds no part of. */
const OWNER = nameOf('host.elsewhere.test.')
const TARGET = nameOf('a.b.third.place.')
const NUMBERS = new Uint8Array(20).fill(7)
const RDATAS: Readonly<Record<string, readonly [type: number, rdata: Uint8Array]>> = {
  A: [TYPE.A, Uint8Array.of(192, 0, 2, 1)],
  NS: [TYPE.NS, TARGET],
  PTR: [TYPE.PTR, TARGET],
  CNAME: [TYPE.CNAME, TARGET],
  MX: [TYPE.MX, Uint8Array.of(0, 10, ...TARGET)],
  SOA: [TYPE.SOA, Uint8Array.of(...TARGET, ...nameOf('hostmaster.fourth.'), ...NUMBERS)],
}

/** The query for QUESTION, and a reply of at most `limit` octets to it that has begun. */
function begun(limit: number, options: { readonly keepsCase?: boolean } = {}): Reply {
  const message = Uint8Array.of(1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...QUESTION, 0, 1, 0, 1)
  const query = new Query()
  query.read(message, message.length)
  assert.ok(!query.malformed && query.hasQuestion)
  const reply = new Reply(query, {
    nsid: new Uint8Array(),
    cookies: undefined,
    tcpIdleMs: 0,
    ...options,
  })
  const octets = new Uint8Array(ROOM).fill(0xee) // what an earlier reply has left
  reply.begin(octets.subarray(0, limit), 'tcp', 0)
  return reply
}

function read(reply: Reply) {
  const length = reply.finish(0)
  return readReply(Buffer.from(reply.octets.subarray(0, length)))
}

/** An rrset as the table holds it. */
function tableOf({ type, ttl, rdatas }: Omit<Rrset, 'owner'>): Uint8Array {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(rdatas.length, 2)
  head.writeUInt32BE(ttl, 4)
  const records = rdatas.flatMap(rdata => [rdata.length >> 8, rdata.length & 0xff, ...rdata])
  head.writeUInt32BE(records.length, 8)
  return Uint8Array.of(...head, ...records)
}

type Put = (reply: Reply) => boolean

const PUTS: Record<string, Put> = {
  'a CNAME for a DNAME': reply => reply.putCname(OWNER, 0, 60, TARGET, 0),
  'a text of class CH': reply => reply.putChaosText(Buffer.from('0123456789')),
}
for (const [name, [type, rdata]] of Object.entries(RDATAS)) {
  PUTS[`a record of type ${name}`] = reply =>
    reply.putRecord(COUNT.AUTHORITY, { owner: OWNER, type, ttl: 60 }, rdata)
  const table = tableOf({ type, ttl: 60, rdatas: [rdata, rdata] })
  PUTS[`an rrset of type ${name}`] = reply => reply.putRrset(COUNT.ADDITIONAL, OWNER, 0, table, 0)
}

for (const [name, put] of Object.entries(PUTS)) {
  test(`${name} is put where it fits to the last octet, and leaves no trace where it does not`, () => {
    const whole = begun(ROOM)
    assert.ok(put(whole))
    const exact = whole.at
    assert.ok(exact > QUESTION_END)
    const wanted = read(whole)
    for (let limit = QUESTION_END; limit < exact; limit++) {
      const reply = begun(limit)
      assert.equal(put(reply), false, `${limit} of ${exact} octets`)
      assert.equal(reply.at, QUESTION_END)
      assert.ok(reply.isWithinLimit)
      const { answer, authority, additional } = read(reply)
      assert.deepEqual([answer, authority, additional], [[], [], []])
    }
    const fitting = begun(exact)
    assert.ok(put(fitting))
    assert.deepEqual(read(fitting), wanted)
  })

  test(`names of ${name} that did not fit are pointed to by nothing`, () => {
    const whole = begun(ROOM)
    assert.ok(put(whole))
    for (let limit = whole.at - 1; limit >= QUESTION_END; limit--) {
      const reply = begun(limit)
      assert.equal(put(reply), false)
      for (const owner of [TARGET, OWNER, nameOf('host.'), nameOf('elsewhere.test.')]) {
        const record = { owner, type: TYPE.A, ttl: 1 }
        if (!reply.putRecord(COUNT.ANSWER, record, Uint8Array.of(1, 1, 1, 1))) continue
        assert.deepEqual(Uint8Array.from(read(reply).answer.at(-1)?.owner ?? []), owner)
        break
      }
    }
  })
}

test('a name is a pointer to the question where it is the question’s, and to what was written where it is not', () => {
  const reply = begun(ROOM)
  const record = { owner: nameOf('x.example.'), type: TYPE.NS, ttl: 1 }
  assert.ok(reply.putRecord(COUNT.ANSWER, record, nameOf('www.example.')))
  // x, a pointer, the fixed fields, a pointer: no name is written twice.
  assert.equal(reply.at, QUESTION_END + 4 + 10 + 2)
  assert.ok(reply.putRecord(COUNT.ANSWER, { ...record, owner: TARGET }, TARGET))
  assert.equal(reply.at, QUESTION_END + 16 + TARGET.length + 10 + 2)
  const [first, second] = read(reply).answer
  assert.deepEqual(Uint8Array.from(first?.rdata ?? []), nameOf('www.example.'))
  assert.deepEqual(Uint8Array.from(second?.rdata ?? []), TARGET)
})

test('with keepCase a name whose letters are others than the question’s is written out', () => {
  const owner = nameOf('www.example.')
  const lengths = [false, true].map(keepsCase => {
    const reply = begun(ROOM, { keepsCase })
    assert.ok(reply.putRecord(COUNT.ANSWER, { owner, type: TYPE.A, ttl: 1 }, Uint8Array.of(1, 1, 1, 1)))
    return reply.at - QUESTION_END
  })
  assert.deepEqual(lengths, [2 + 14, owner.length + 14])
  const later = begun(ROOM)
  later.keepCase()
  assert.ok(later.putRecord(COUNT.ANSWER, { owner, type: TYPE.A, ttl: 1 }, Uint8Array.of(1, 1, 1, 1)))
  assert.equal(later.at - QUESTION_END, owner.length + 14)
})

test('a reply begins without flags, counts and names of the one before', () => {
  const reply = begun(ROOM)
  assert.deepEqual([reply.authoritative, reply.truncated], [false, false])
  reply.authoritative = true
  reply.truncated = true
  assert.ok(reply.putRecord(COUNT.ANSWER, { owner: OWNER, type: TYPE.NS, ttl: 1 }, TARGET))
  const whole = reply.at
  reply.begin(reply.octets, 'tcp', 0)
  assert.deepEqual([reply.authoritative, reply.truncated, reply.at], [false, false, QUESTION_END])
  assert.deepEqual(read(reply).answer, [])
  assert.ok(reply.putRecord(COUNT.ANSWER, { owner: OWNER, type: TYPE.NS, ttl: 1 }, TARGET))
  assert.equal(reply.at, whole)
  reply.dropRecords()
  assert.deepEqual(read(reply).answer, [])
  assert.ok(reply.putRecord(COUNT.ANSWER, { owner: OWNER, type: TYPE.NS, ttl: 1 }, TARGET))
  assert.equal(reply.at, whole)
})
