import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parsePrefix } from '../../src/address/prefix.ts'
import type { TransferPeer } from '../../src/engine/transfer-peer.ts'
import { MAX_A_SECOND } from '../../src/engine/transfer-times.ts'
import {
  MAX_TRANSFERS,
  MAX_TRANSFERS_AN_ADDRESS,
  MAX_WAITING_AN_ADDRESS,
} from '../../src/engine/transfer-turns.ts'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { TSIG_ERROR } from '../../src/wire/tsig.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { MAX_HELD_VERSIONS } from '../../src/zone/held-versions.ts'
import type { Snapshot } from '../../src/zone/snapshot.ts'
import { TooManySnapshots } from '../../src/zone/table-fault.ts'
import { answersOf, nextOf, TransferServer } from '../engine/transfer-client.ts'
import { type Key, NOW, signed, tsigOf, verified, verifiedNext } from '../engine/tsig-client.ts'
import { catalogOf, parseZone, queryOf, type Told, takeApart, wire } from '../engine/zones.ts'

const HOSTS = 3000
const ZONE = `Example. 300 IN SOA ns.example. host.example. 7 2 3 4 60
example. 300 IN NS ns.example.
example. 300 IN MX 10 ns.example.
ns.example. 300 IN A 192.0.2.1
CaSe.example. 300 IN CNAME NS.Example.
cut.example. 300 IN NS ns.cut.example.
ns.cut.example. 300 IN A 192.0.2.9
*.wild.example. 300 IN TXT "w"
${Array.from({ length: HOSTS }, (_, i) => `h${i}.ca.example. 60 IN A 10.0.${i >> 8}.${i & 255}`).join('\n')}`
const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }
const OTHER: Key = { name: 'k2.example.', algorithm: 'hmac-sha512', secret: Buffer.from('another secret') }
const AXFR = queryOf('example.', 'AXFR')
const PROHIBITED = Buffer.from([0, 18])

function everybody(): readonly TransferPeer[] {
  return [prefix('0.0.0.0/0'), prefix('::/0')]
}

function prefix(text: string): TransferPeer {
  return parsePrefix(text) ?? assert.fail(text)
}

function serve(
  allow = everybody(),
  catalog: Catalog = catalogOf(ZONE),
  snapshot = () => catalog.snapshot(),
): TransferServer {
  const keys = [KEY, OTHER].map(({ name, algorithm, secret }) => ({
    name: wire(name),
    algorithm: algorithm as 'hmac-sha256',
    secret,
  }))
  return new TransferServer(catalog, { allow }, { keys, transfers: { allow, snapshot } })
}

suite('2.2: the messages of an AXFR', () => {
  test('begin and end with the SOA, and hold every record of the zone once between', () => {
    const answers = answersOf(serve().transfer(AXFR))
    const soa = 'example. 300 SOA ns.example. host.example. 7 2 3 4 60'
    assert.deepEqual([answers[0], answers.at(-1)], [soa, soa])
    const { rrsets } = parseZone(ZONE)
    assert.equal(answers.length, rrsets.reduce((sum, { rdatas }) => sum + rdatas.length, 0) + 1)
    assert.equal(new Set(answers).size, answers.length - 1)
    for (const text of [
      'h2999.ca.example. 60 A 10.0.11.183',
      'ns.cut.example. 300 A 192.0.2.9',
      'cut.example. 300 NS ns.cut.example.',
      'wild.example. 300 TXT',
    ])
      assert.ok(
        answers.some(answer => answer.includes(text)),
        text,
      )
  })

  test('are several, each with many records, its question, AA and the id of the query', () => {
    const messages = serve().transfer(queryOf('example.', 'AXFR', { id: 0x4711 }))
    assert.ok(messages.length > 3 && messages.length < HOSTS / 100, `${messages.length} messages`)
    for (const told of messages) {
      assert.deepEqual([told.id, told.aa, told.tc, told.rcode], [0x4711, true, false, RCODE.NOERROR])
      assert.ok(told.octets.length <= 16_384)
      assert.deepEqual([told.authority, told.additional], [[], []])
    }
  })

  test('have an OPT each where the query has one', () => {
    for (const told of serve().transfer(queryOf('example.', 'AXFR', { edns: 4096 })))
      assert.equal(told.opt?.payloadSize, 1232)
  })

  test('are all of the version that the first is of, whatever is committed meanwhile', () => {
    const catalog = catalogOf(ZONE)
    const server = serve(everybody(), catalog)
    const conversation = server.begin(AXFR)
    const messages = [nextOf(conversation)]
    catalog.commit([{ kind: 'remove', owner: wire('wild.example.'), type: TYPE.TXT }])
    for (let i = 0; i < HOSTS; i++)
      catalog.commit([{ kind: 'remove', owner: wire(`h${i}.ca.example.`), type: TYPE.A }])
    while (!conversation.isDone) messages.push(nextOf(conversation))
    assert.deepEqual(answersOf(messages), answersOf(serve().transfer(AXFR)))
  })

  test('are not mixed with those of another transfer at the same time', () => {
    const server = serve()
    const [one, two] = [server.begin(AXFR), server.begin(queryOf('example.', 'AXFR', { id: 2 }))]
    const [ofOne, ofTwo] = [[nextOf(one)], [nextOf(two)]]
    while (!one.isDone || !two.isDone) {
      if (!two.isDone) ofTwo.push(nextOf(two))
      if (!one.isDone) ofOne.push(nextOf(one))
    }
    assert.deepEqual(answersOf(ofOne), answersOf(ofTwo))
    assert.ok(ofTwo.every(({ id }) => id === 2))
  })

  test('have a record that is longer than the others together in a message of its own', () => {
    const catalog = catalogOf(ZONE)
    const rdatas = [new Uint8Array(40_000).fill(1), new Uint8Array(60_000).fill(2)]
    catalog.commit([{ kind: 'put', rrset: { owner: wire('big.example.'), type: 65_280, ttl: 1, rdatas } }])
    const messages = serve(everybody(), catalog).transfer(AXFR)
    assert.deepEqual(
      messages.filter(({ octets }) => octets.length > 16_384).map(({ answer }) => answer.length),
      [1, 1],
    )
  })

  test('break off where a record fits no message, or the client takes half an hour', () => {
    const catalog = catalogOf(ZONE)
    const rdatas = [new Uint8Array(65_535).fill(1)]
    catalog.commit([{ kind: 'put', rrset: { owner: wire('big.example.'), type: 65_280, ttl: 1, rdatas } }])
    const tooBig = serve(everybody(), catalog).begin(AXFR)
    const room = new Uint8Array(65_535)
    assert.equal(tooBig.next(room, NOW) > 0 && tooBig.next(room, NOW), 0)
    assert.equal(tooBig.isDone, false)
    const tooSlow = serve().begin(AXFR)
    nextOf(tooSlow, NOW + 1800)
    assert.equal(tooSlow.next(room, NOW + 1801), 0)
  })
})

suite('3.4: names', () => {
  test('keep the case they were written in, though they are compressed', () => {
    const messages = serve().transfer(queryOf('EXAMPLE.', 'AXFR'))
    const texts = messages.map(({ octets }) => octets.toString('latin1'))
    assert.ok(texts[0]?.includes('\x07Example\0'))
    const text = texts.find(octets => octets.includes('\x04CaSe')) ?? assert.fail('CaSe')
    assert.ok(text.includes('\x02NS\x07Example\0'))
    // The pointer behind CaSe leads to the `example` of the zone, not to the EXAMPLE of the question.
    const octets = Buffer.from(text, 'latin1')
    const target = octets.readUInt16BE(text.indexOf('\x04CaSe') + 5) & 0x3fff
    assert.equal(text.slice(target, target + 8), '\x07example')
  })
})

suite('4.2, 5: who gets one', () => {
  test('over UDP nobody', () => {
    assert.equal(serve().refusal(AXFR, '192.0.2.1', 'udp').rcode, RCODE.FORMERR)
  })

  test('of a zone that is not ours, or a name within one, nobody', () => {
    for (const qname of ['elsewhere.', 'ns.example.', '.'])
      assert.equal(serve().refusal(queryOf(qname, 'AXFR')).rcode, RCODE.NOTAUTH, qname)
  })

  test('is an address in a prefix that is allowed, and no other', () => {
    const server = serve([prefix('192.0.2.0/25'), prefix('2001:db8::1')])
    const refused = (address: string) => {
      const told = server.refusal(queryOf('example.', 'AXFR', { edns: 1232 }), address)
      return told.rcode === RCODE.REFUSED && PROHIBITED.equals(told.opt?.options.get(15) ?? Buffer.alloc(0))
    }
    for (const address of ['192.0.2.127', '2001:db8::1']) server.begin(AXFR, address).close()
    for (const address of ['192.0.2.128', '198.51.100.1', '2001:db8::2']) assert.ok(refused(address), address)
  })

  test('is whoever holds the key that is named, from anywhere, and nobody with another or a wrong one', () => {
    const server = serve([{ key: wire(KEY.name) }])
    server.begin(signed(AXFR, KEY).octets).close()
    assert.equal(server.refusal(AXFR).rcode, RCODE.REFUSED)
    assert.equal(server.refusal(signed(AXFR, OTHER).octets).rcode, RCODE.REFUSED)
    const forged = signed(AXFR, { ...KEY, secret: OTHER.secret }).octets
    assert.equal(server.refusal(forged).rcode, RCODE.NOTAUTH)
  })

  test('is nobody whose query is wrong in another way', () => {
    const server = serve()
    assert.equal(server.refusal(Buffer.concat([AXFR, Buffer.of(0)])).rcode, RCODE.FORMERR)
    assert.equal(server.refusal(queryOf('example.', 'AXFR', { edns: 512, version: 1 })).rcode, RCODE.BADVERS)
    assert.equal(server.refusal(queryOf('example.', 'AXFR', { class: 3 })).rcode, RCODE.REFUSED)
    assert.equal(server.held, 0)
  })

  test('waits where the limits allow no more, and has its turn as soon as one has ended', async () => {
    const server = serve()
    const open = Array.from({ length: MAX_TRANSFERS }, (_, i) =>
      server.begin(AXFR, `192.0.2.${Math.floor(i / MAX_TRANSFERS_AN_ADDRESS)}`),
    )
    const waiting = [server.begin(AXFR, '192.0.2.0'), server.begin(AXFR, '198.51.100.1')]
    const begun: number[] = []
    for (const [i, conversation] of waiting.entries()) conversation.whenReady(() => begun.push(i))
    assert.equal(server.held, MAX_TRANSFERS)
    open.pop()?.close()
    await nextTurn()
    assert.deepEqual(begun, [1]) // the other's address has its share
    open.shift()?.close()
    await nextTurn()
    assert.deepEqual(begun, [1, 0])
    const messages: Told[] = []
    for (const late = waiting[0] ?? assert.fail(); !late.isDone; ) messages.push(nextOf(late))
    assert.deepEqual(answersOf(messages), answersOf(serve().transfer(AXFR)))
    for (const conversation of [...open, ...waiting]) conversation.close()
    assert.equal(server.held, 0)
  })

  test('is of the version that is there at its turn', async () => {
    const catalog = catalogOf(ZONE)
    const server = serve(everybody(), catalog)
    const [first, second, late] = [server.begin(AXFR), server.begin(AXFR), server.begin(AXFR)]
    catalog.commit([{ kind: 'remove', owner: wire('wild.example.'), type: TYPE.TXT }])
    first.close()
    await nextTurn()
    const messages: Told[] = []
    while (!late.isDone) messages.push(nextOf(late))
    assert.deepEqual(answersOf(messages), answersOf(serve(everybody(), catalog).transfer(AXFR)))
    second.close()
    late.close()
    assert.equal(server.held, 0)
  })

  test('is refused, signed as the query was, where it has waited too long or too many versions are held', async () => {
    const catalog = catalogOf(ZONE)
    let isFull = false
    const snapshot = () => {
      if (isFull) throw new TooManySnapshots(MAX_HELD_VERSIONS)
      return catalog.snapshot()
    }
    const server = serve(everybody(), catalog, snapshot)
    const open = [server.begin(AXFR), server.begin(AXFR)]
    const query = signed(AXFR, KEY)
    const [impatient, unlucky] = [server.begin(query.octets), server.begin(AXFR)]
    const room = Buffer.alloc(65_535)
    const refusal = room.subarray(0, impatient.next(room, NOW))
    assert.equal(takeApart(refusal).rcode, RCODE.REFUSED)
    verified(takeApart(refusal), KEY, query.mac)
    assert.equal(impatient.isDone, true)
    assert.equal(impatient.next(room, NOW), 0)
    isFull = true
    for (const conversation of open) conversation.close()
    await nextTurn()
    assert.equal(nextOf(unlucky).rcode, RCODE.REFUSED)
    for (const conversation of [impatient, unlucky]) conversation.close()
    assert.equal(server.held, 0)
    assert.equal(server.nameserver.counts.overloadedTransfers, 2)
  })

  test('is refused at once where too many of its address wait, and begins no more when it is closed', async () => {
    const server = serve()
    const open = Array.from({ length: MAX_TRANSFERS_AN_ADDRESS }, () => server.begin(AXFR))
    const waiting = Array.from({ length: MAX_WAITING_AN_ADDRESS }, () => server.begin(AXFR))
    assert.equal(server.refusal(AXFR).rcode, RCODE.REFUSED)
    assert.equal(server.refusal(queryOf('elsewhere.', 'AXFR')).rcode, RCODE.NOTAUTH)
    for (const conversation of waiting) conversation.whenReady(() => assert.fail('it is closed'))
    for (const conversation of [...waiting, ...open]) conversation.close()
    await nextTurn()
    assert.equal(server.held, 0)
  })

  test('holds nothing after its end, however often it is closed', () => {
    const server = serve()
    const conversation = server.begin(AXFR)
    nextOf(conversation)
    assert.equal(server.held, 1)
    conversation.close()
    conversation.close()
    assert.equal(server.held, 0)
    assert.equal(conversation.next(new Uint8Array(65_535), NOW), 0)
  })
})

suite('what becomes of transfers is counted', () => {
  const countsOf = ({ nameserver }: TransferServer) => {
    const { noerror, refused, overloadedTransfers, brokenTransfers } = nameserver.counts
    return { noerror, refused, overloadedTransfers, brokenTransfers }
  }

  test('one that is whole is neither broken off nor one too many', () => {
    const server = serve()
    server.transfer(AXFR)
    const expected = { noerror: 1, refused: 0, overloadedTransfers: 0, brokenTransfers: 0 }
    assert.deepEqual(countsOf(server), expected)
  })

  test('one too many is, and one that nobody allowed is refused alone', () => {
    const server = serve([prefix('192.0.2.0/24')])
    const most = MAX_TRANSFERS_AN_ADDRESS + MAX_WAITING_AN_ADDRESS
    for (let n = 0; n < most; n++) server.begin(AXFR)
    server.refusal(AXFR)
    server.refusal(AXFR, '198.51.100.1')
    const expected = { noerror: most, refused: 2, overloadedTransfers: 1, brokenTransfers: 0 }
    assert.deepEqual(countsOf(server), expected)
  })

  test('one that finds too many versions held is one too many', () => {
    const catalog = catalogOf(ZONE)
    for (let n = 0; n < MAX_HELD_VERSIONS; n++) catalog.snapshot()
    const server = serve(everybody(), catalog)
    assert.equal(server.refusal(AXFR).rcode, RCODE.REFUSED)
    assert.equal(server.nameserver.counts.overloadedTransfers, 1)
  })

  test('one whose client goes, is too slow, or loses its version is broken off', () => {
    const catalog = catalogOf(ZONE)
    const snapshots: Snapshot[] = []
    const snapshot = () => {
      const held = catalog.snapshot()
      snapshots.push(held)
      return held
    }
    const server = new TransferServer(catalog, { allow: [] }, { transfers: { allow: everybody(), snapshot } })
    const room = new Uint8Array(65_535)
    const [gone, slow, released] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(from =>
      server.begin(AXFR, from),
    )
    assert.ok(gone && slow && released)
    assert.equal(slow.next(room, NOW + 1801), 0)
    nextOf(released)
    snapshots[2]?.release()
    assert.equal(released.next(room, NOW), 0)
    for (const conversation of [gone, slow, released, released]) conversation.close()
    assert.equal(server.nameserver.counts.brokenTransfers, 3)
  })

  test('a fault that is not of load is no refusal', () => {
    const snapshot = () => assert.fail('a defect')
    const server = new TransferServer(
      catalogOf(ZONE),
      { allow: [] },
      { transfers: { allow: everybody(), snapshot } },
    )
    assert.throws(() => server.ask(AXFR), /a defect/)
    assert.equal(server.nameserver.counts.overloadedTransfers, 0)
  })
})

suite('RFC 8945 5.3.1: a signed transfer', () => {
  for (const key of [KEY, OTHER]) {
    test(`has a TSIG on every message, each over the one before, with ${key.algorithm}`, () => {
      const { octets, mac } = signed(AXFR, key)
      const [first, ...others] = serve().transfer(octets)
      assert.ok(first !== undefined && others.length > 2)
      let last = verified(first, key, mac).mac
      for (const told of others) last = verifiedNext(told, key, last).mac
    })
  }

  test('keeps its chain beside another one that is made in turn with it', () => {
    const server = serve()
    const chains = [KEY, OTHER].map(key => {
      const { octets, mac } = signed(AXFR, key)
      return { key, mac, conversation: server.begin(octets) }
    })
    const firsts = chains.map(({ key, mac, conversation }) => verified(nextOf(conversation), key, mac).mac)
    for (const [i, { key, conversation }] of chains.entries())
      verifiedNext(nextOf(conversation), key, firsts[i] ?? Buffer.alloc(0))
  })
})

suite('RFC 8945 5.2.3: a signed query for a transfer that is sent again', () => {
  const BADTIME = [RCODE.NOTAUTH, TSIG_ERROR.BADTIME]
  const keyed = () => serve([{ key: wire(KEY.name) }, { key: wire(OTHER.name) }])
  const outcome = (told: Told) => [told.rcode, tsigOf(told)?.error]
  const query = (id: number, timeSigned = NOW, key = KEY, fudge = 300) =>
    signed(queryOf('example.', 'AXFR', { id }), key, { timeSigned, fudge }).octets

  test('is BADTIME, from its own address and from any other', () => {
    const server = keyed()
    server.begin(query(1)).close()
    for (const address of ['192.0.2.1', '198.51.100.1'])
      assert.deepEqual(outcome(server.refusal(query(1), address)), BADTIME)
    assert.equal(server.nameserver.counts.badtsig, 2)
    assert.equal(server.held, 0)
  })

  test('is BADTIME too where a later one has come since, and signed with the time that it has', () => {
    const server = keyed()
    server.begin(query(1, NOW - 1)).close()
    server.begin(query(2, NOW)).close()
    const { octets, mac } = signed(queryOf('example.', 'AXFR', { id: 3 }), KEY, { timeSigned: NOW - 1 })
    const told = server.refusal(octets)
    assert.deepEqual(outcome(told), BADTIME)
    assert.equal(verified(told, KEY, mac).timeSigned, NOW - 1)
  })

  test('is told from others of the same second, as far as these can be remembered', () => {
    const server = keyed()
    for (let id = 1; id <= MAX_A_SECOND; id++) server.begin(query(id)).close()
    for (const id of [1, MAX_A_SECOND, MAX_A_SECOND + 1])
      assert.deepEqual(outcome(server.refusal(query(id))), BADTIME)
    server.begin(query(1, NOW + 1)).close()
  })

  test('is BADTIME where the first was refused: for load, or for its key', () => {
    const server = keyed()
    const most = MAX_TRANSFERS_AN_ADDRESS + MAX_WAITING_AN_ADDRESS
    const open = Array.from({ length: most }, (_, id) => server.begin(query(id)))
    assert.deepEqual(outcome(server.refusal(query(most))), [RCODE.REFUSED, TSIG_ERROR.NONE])
    assert.deepEqual(outcome(server.refusal(query(most - 1))), BADTIME) // it waits
    for (const conversation of open) conversation.close()
    assert.deepEqual(outcome(server.refusal(query(most))), BADTIME)
    server.begin(query(most + 1)).close()
  })

  test('says nothing of other keys, nor of queries that are no transfers', () => {
    const server = keyed()
    server.begin(query(1, NOW)).close()
    server.begin(query(1, NOW - 5, OTHER)).close()
    const { octets } = signed(queryOf('ns.example.', 'A'), KEY, { timeSigned: NOW - 5 })
    for (let again = 0; again < 2; again++)
      assert.deepEqual(outcome(server.refusal(octets)), [RCODE.NOERROR, TSIG_ERROR.NONE])
  })

  test('or for the first time may differ from our time by no more than our own fudge, whatever its own is', () => {
    for (const sign of [-1, 1]) {
      keyed()
        .begin(query(1, NOW + sign * 300, KEY, 0xffff))
        .close()
      assert.deepEqual(outcome(keyed().refusal(query(1, NOW + sign * 301, KEY, 0xffff))), BADTIME)
      assert.deepEqual(outcome(keyed().refusal(query(1, NOW + sign * 6, KEY, 5))), BADTIME)
    }
  })
})
