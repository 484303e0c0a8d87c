import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { TSIG_ALGORITHMS } from '../../src/engine/tsig-key.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { TSIG_ERROR } from '../../src/wire/tsig.ts'
import {
  append,
  askAt,
  type Key,
  macOf,
  NOW,
  type Signing,
  signed,
  tsigOf,
  tsigRecord,
  verified,
} from '../engine/tsig-client.ts'
import { type Asked, catalogOf, optOf, queryOf, type Told, wire } from '../engine/zones.ts'

const ALGORITHMS = Object.keys(TSIG_ALGORITHMS) as (keyof typeof TSIG_ALGORITHMS)[]
const KEYS = ALGORITHMS.map(algorithm => ({
  name: `${algorithm.replace('hmac-', '')}.keys.example.`,
  algorithm,
  secret: Buffer.from(`the secret of the key for ${algorithm}`),
}))
const SHA256: Key = KEYS[2] ?? assert.fail()
/** The key that dig and kdig signed the queries below with. */
const K1: Key = {
  name: 'k1.example.',
  algorithm: 'hmac-sha256',
  secret: Buffer.from('c2VjcmV0IG9mIHRoZSBmaXJzdCBrZXk=', 'base64'),
}
const LONG_NAME = `${'k'.repeat(63)}.`.repeat(3)
const LONG: Key = { name: `${LONG_NAME}${'k'.repeat(60)}.`, algorithm: 'hmac-sha512', secret: K1.secret }

const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
alias.example. 300 IN CNAME many.example.
${Array.from(
  { length: 40 },
  (_, size) => `r${size}.example. 300 IN TXT "${'x'.repeat(200)}"
r${size}.example. 300 IN TXT "${'y'.repeat(100 + size * 3)}"`,
).join('\n')}
${Array.from({ length: 60 }, (_, i) => `many.example. 300 IN TXT "${'t'.repeat(40)}${i}"`).join('\n')}`

const nameserver = new Nameserver({
  catalog: catalogOf(ZONE),
  nsid: 'test-1',
  version: 'freenet6 test',
  hostname: 'ns.test',
  keys: [...KEYS, K1, LONG].map(({ name, algorithm, secret }) => ({
    name: wire(name),
    algorithm: algorithm as keyof typeof TSIG_ALGORITHMS,
    secret,
  })),
})

const QUERY = queryOf('ns.example.', 'A')

/** Rcode, TSIG error and length of the MAC of the reply to a query signed like this. */
function outcome(signing: Signing, key: Key = SHA256, query: Uint8Array = QUERY): readonly unknown[] {
  return outcomeOf(askAt(nameserver, signed(query, key, signing).octets))
}

function outcomeOf(told: Told): readonly unknown[] {
  const tsig = tsigOf(told)
  return tsig === undefined ? [told.rcode] : [told.rcode, tsig.error, tsig.mac.length]
}

/** Asks with a good TSIG and checks that of the reply. */
function askSigned(qname: string, qtype: string, asked: Asked = {}, key: Key = SHA256): Told {
  const { octets, mac } = signed(queryOf(qname, qtype, asked), key)
  const told = askAt(nameserver, octets, { transport: asked.transport ?? 'udp' })
  const tsig = verified(told, key, mac)
  assert.deepEqual(
    [tsig.owner, tsig.algorithm, tsig.timeSigned, tsig.fudge, tsig.error, tsig.other.length],
    [key.name, `${key.algorithm}.`, NOW, 300, TSIG_ERROR.NONE, 0],
  )
  assert.equal(tsig.originalId, told.id)
  return told
}

const GOOD = [RCODE.NOERROR, TSIG_ERROR.NONE, 32]
const MALFORMED = [RCODE.FORMERR]
const BADKEY = [RCODE.NOTAUTH, TSIG_ERROR.BADKEY, 0]
const BADSIG = [RCODE.NOTAUTH, TSIG_ERROR.BADSIG, 0]
const BADTIME = [RCODE.NOTAUTH, TSIG_ERROR.BADTIME, 32]
const BADTRUNC = [RCODE.NOTAUTH, TSIG_ERROR.BADTRUNC, 32]

suite('what others have signed', () => {
  for (const [who, seconds, hex] of [
    [
      'dig 9.18',
      0x6b064d59,
      '02e700000001000000000002026e73076578616d706c65000001000100002904d0000000000000026b31076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b064d59012c0020067f5fccb676081608a144879f51befde04b5effe4545a9b1174028391d24a9e02e700000000',
    ],
    [
      'kdig 3.2',
      0x6b064d70,
      'bc5d00200001000000000001026e73076578616d706c650000010001026b31076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b064d70012c00206d02c001805db7435603a3b2801c53e3c5e9ff41931de79b6f0e3e3fc5ad2e47bc5d00000000',
    ],
  ] as const) {
    test(`a query of ${who} is accepted, and refused with one bit changed`, () => {
      const query = Buffer.from(hex, 'hex')
      const told = askAt(nameserver, query, { seconds })
      assert.deepEqual(told.answer, ['ns.example. 300 A 192.0.2.1'])
      assert.deepEqual(outcomeOf(told), GOOD)
      verified(told, K1, query.subarray(-38, -6))
      query[2] = (query[2] ?? 0) ^ 1 // RD
      assert.deepEqual(outcomeOf(askAt(nameserver, query, { seconds })), BADSIG)
    })
  }
})

suite('4.2: the record', () => {
  test('a class but ANY and a TTL but 0 are malformed', () => {
    for (const qclass of [0, 1, 254]) assert.deepEqual(outcome({ class: qclass }), MALFORMED)
    for (const ttl of [1, 0x80000000]) assert.deepEqual(outcome({ ttl }), MALFORMED)
  })

  test('rdata that end before or after the last field are malformed, wherever they are cut', () => {
    const record = tsigRecord(QUERY, SHA256, { mac: macOf(QUERY, SHA256) })
    const fixed = wire(SHA256.name).length
    for (let rdlength = 0; rdlength < record.length - fixed - 10; rdlength++) {
      const cut = Buffer.from(record.subarray(0, fixed + 10 + rdlength))
      cut.writeUInt16BE(rdlength, fixed + 8)
      assert.deepEqual(outcomeOf(askAt(nameserver, append(QUERY, cut))), MALFORMED, `${rdlength}`)
    }
    const longer = Buffer.concat([record, Uint8Array.of(0)])
    longer.writeUInt16BE(record.length - fixed - 9, fixed + 8)
    assert.deepEqual(outcomeOf(askAt(nameserver, append(QUERY, longer))), MALFORMED)
  })

  test('a MAC and other data longer than the record are malformed', () => {
    const { octets, mac } = signed(QUERY, SHA256)
    for (const [at, length] of [
      [-8 - mac.length, 33],
      [-8 - mac.length, 0xffff],
      [-2, 1],
      [-2, 0xffff],
    ] as const) {
      const wrong = Buffer.from(octets)
      wrong.writeUInt16BE(length, wrong.length + at)
      assert.deepEqual(outcomeOf(askAt(nameserver, wrong)), MALFORMED)
    }
  })

  test('the name of the algorithm is not compressed, longer than 255 octets or made of odd labels', () => {
    const toQuestion = Uint8Array.of(0xc0, 12)
    const tooLong = Buffer.concat([Buffer.alloc(256, Uint8Array.of(1, 97)), Uint8Array.of(0)])
    for (const algorithmName of [toQuestion, tooLong, Uint8Array.of(0x40, 0), Uint8Array.of(64, 97, 0)])
      assert.deepEqual(outcome({ algorithmName }), MALFORMED)
  })

  test('the name of the key may be compressed as every owner may: it is signed uncompressed', () => {
    const query = queryOf('sha256.KEYS.example.', 'A')
    assert.deepEqual(outcome({ owner: Uint8Array.of(0xc0, 12) }, SHA256, query), [RCODE.NXDOMAIN, 0, 32])
    const half = Buffer.concat([wire('sha256.').subarray(0, -1), Uint8Array.of(0xc0, 19)])
    assert.deepEqual(outcome({ owner: half }, SHA256, query), [RCODE.NXDOMAIN, 0, 32])
  })

  test('names of key and algorithm match in any case, and are signed in lower case', () => {
    const shouting = { name: SHA256.name.toUpperCase(), algorithm: SHA256.algorithm, secret: SHA256.secret }
    const algorithmName = wire('HMAC-SHA256.')
    const { octets, mac } = signed(QUERY, shouting, { algorithmName })
    const told = askAt(nameserver, octets)
    assert.deepEqual(outcomeOf(told), GOOD)
    verified(told, SHA256, mac)
  })

  test('what a query has in error and other data means nothing, and is signed', () => {
    const other = Buffer.from('more than anybody asked for')
    assert.deepEqual(outcome({ error: TSIG_ERROR.BADTIME, other }), GOOD)
    const { octets } = signed(QUERY, SHA256, { other })
    octets[octets.length - 1] = 0
    assert.deepEqual(outcomeOf(askAt(nameserver, octets)), BADSIG)
  })
})

suite('5.2: where the record stands', () => {
  const record = tsigRecord(QUERY, SHA256, { mac: macOf(QUERY, SHA256) })

  test('two of them are malformed, also where both are good', () => {
    const { octets } = signed(signed(QUERY, SHA256).octets, SHA256)
    assert.deepEqual(outcomeOf(askAt(nameserver, octets)), MALFORMED)
  })

  test('behind it there is no other record and no octet', () => {
    const { octets } = signed(QUERY, SHA256)
    assert.deepEqual(outcomeOf(askAt(nameserver, append(octets, optOf({})))), MALFORMED)
    const trailing = Buffer.concat([octets, Uint8Array.of(0)])
    assert.deepEqual(outcomeOf(askAt(nameserver, trailing)), MALFORMED)
  })

  test('behind it the header counts no other record either', () => {
    const { octets } = signed(QUERY, SHA256)
    octets.writeUInt16BE(2, 10)
    assert.deepEqual(outcomeOf(askAt(nameserver, octets)), MALFORMED)
  })

  test('in the answer and the authority section it is malformed', () => {
    for (const [count, type, opcode] of [
      [6, 'SOA', 4],
      [8, 'IXFR', 0],
    ] as const) {
      const misplaced = Buffer.concat([queryOf('example.', type, { opcode }), record])
      misplaced.writeUInt16BE(1, count)
      assert.deepEqual(outcomeOf(askAt(nameserver, misplaced, { transport: 'tcp' })), MALFORMED)
    }
  })

  test('it may follow an OPT', () => {
    assert.deepEqual(outcome({}, SHA256, queryOf('ns.example.', 'A', { edns: 1232 })), GOOD)
  })

  test('a forwarder that changed the id has not broken the signature', () => {
    const { octets, mac } = signed(QUERY, SHA256)
    octets.writeUInt16BE(0x4321, 0)
    const told = askAt(nameserver, octets)
    assert.equal(told.id, 0x4321)
    assert.equal(verified(told, SHA256, mac).originalId, 0x4321)
  })
})

suite('5.2.1: the key', () => {
  const unknown = { name: 'nobody.example.', algorithm: 'hmac-sha256', secret: SHA256.secret }

  test('of an unknown name is BADKEY, not signed, and named in the reply', () => {
    const told = askAt(nameserver, signed(QUERY, unknown).octets)
    assert.deepEqual(outcomeOf(told), BADKEY)
    const { owner, algorithm, timeSigned, originalId, other } = tsigOf(told) ?? assert.fail()
    assert.deepEqual(
      [owner, algorithm, timeSigned, originalId, other.length],
      ['nobody.example.', 'hmac-sha256.', NOW, told.id, 0],
    )
    assert.deepEqual(told.answer, [])
  })

  test('of a name that is only part of one, above it or below it, is BADKEY', () => {
    for (const name of ['keys.example.', `x.${SHA256.name}`, 'sha25.keys.example.', '.'])
      assert.deepEqual(outcome({}, { ...SHA256, name }), BADKEY)
  })

  test('with another algorithm than it was made for is BADKEY', () => {
    assert.deepEqual(outcome({}, { ...SHA256, algorithm: 'hmac-sha512' }), BADKEY)
  })

  test('with an algorithm that nobody knows is BADKEY', () => {
    for (const name of ['hmac-md5.sig-alg.reg.int.', 'gss-tsig.', 'hmac-sha256-128.', '.'])
      assert.deepEqual(outcome({ mac: Buffer.alloc(16), algorithmName: wire(name) }), BADKEY)
  })

  test('is unknown to a server without keys', () => {
    const keyless = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: '' })
    assert.deepEqual(outcomeOf(askAt(keyless, signed(QUERY, SHA256).octets)), BADKEY)
  })
})

suite('5.2.2: the MAC', () => {
  test('of another secret is BADSIG, not signed', () => {
    const told = askAt(nameserver, signed(QUERY, { ...SHA256, secret: K1.secret }).octets)
    assert.deepEqual(outcomeOf(told), BADSIG)
    assert.deepEqual(told.answer, [])
  })

  test('does not hold once any signed octet of the query is changed', () => {
    const { octets, mac } = signed(queryOf('ns.example.', 'A', { edns: 1232 }), SHA256)
    const macAt = octets.length - 6 - mac.length
    const idAt = octets.length - 6
    // Header counts, names, types and lengths would be read otherwise; these are the values.
    for (const at of [3, 13, 14, macAt - 5, macAt - 3, macAt, macAt + 31, idAt, idAt + 1, idAt + 3]) {
      const changed = Buffer.from(octets)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.deepEqual(outcomeOf(askAt(nameserver, changed)), BADSIG, `octet ${at}`)
    }
  })

  for (const key of KEYS) {
    const { macLength } = TSIG_ALGORITHMS[key.algorithm]
    const shortest = Math.max(10, macLength / 2)

    test(`5.2.2.1: longer than ${key.algorithm} makes it, or shorter than ${shortest}, is malformed`, () => {
      const mac = Buffer.concat([macOf(QUERY, key), Uint8Array.of(0)])
      assert.deepEqual(outcome({ mac }, key), MALFORMED)
      for (let length = 0; length < shortest; length++)
        assert.deepEqual(outcome({ macLength: length }, key), MALFORMED, `${length}`)
    })

    test(`5.2.4: of ${shortest} to ${macLength - 1} octets is verified; the right one is BADTRUNC, signed`, () => {
      for (let length = shortest; length < macLength; length++) {
        const { octets, mac } = signed(QUERY, key, { macLength: length })
        const told = askAt(nameserver, octets)
        assert.deepEqual(outcomeOf(told), [RCODE.NOTAUTH, TSIG_ERROR.BADTRUNC, macLength], `${length}`)
        verified(told, key, mac)
        octets[octets.length - 7] = (octets.at(-7) ?? 0) ^ 1
        assert.deepEqual(outcomeOf(askAt(nameserver, octets)), BADSIG, `${length}`)
      }
    })
  }
})

suite('5.2.3: the time', () => {
  test('may differ by the fudge, to the second, in both directions', () => {
    for (const fudge of [0, 1, 300, 0xffff]) {
      for (const sign of [-1, 1]) {
        assert.deepEqual(outcome({ fudge, timeSigned: NOW + sign * fudge }), GOOD)
        assert.deepEqual(outcome({ fudge, timeSigned: NOW + sign * (fudge + 1) }), BADTIME)
      }
    }
  })

  test('BADTIME has the time and fudge of the query and ours in other data, and is signed', () => {
    for (const timeSigned of [0, NOW - 301, NOW + 3600, 2 ** 32 + 5, 2 ** 48 - 1]) {
      const { octets, mac } = signed(QUERY, SHA256, { timeSigned, fudge: 77 })
      const told = askAt(nameserver, octets)
      const tsig = verified(told, SHA256, mac)
      assert.deepEqual(outcomeOf(told), BADTIME)
      assert.deepEqual(
        [tsig.timeSigned, tsig.fudge, tsig.other.length, tsig.other.readUIntBE(0, 6)],
        [timeSigned, 77, 6, NOW],
      )
      assert.deepEqual(told.answer, [])
    }
  })

  test('does not end in 2106, when it needs more than 32 bits', () => {
    const seconds = 2 ** 32 + 5
    const { octets, mac } = signed(QUERY, SHA256, { timeSigned: seconds })
    const told = askAt(nameserver, octets, { seconds })
    assert.equal(verified(told, SHA256, mac).timeSigned, seconds)
    const late = tsigOf(askAt(nameserver, signed(QUERY, SHA256).octets, { seconds }))
    assert.equal(late?.other.readUIntBE(0, 6), seconds)
  })
})

suite('5.2: the order of the checks', () => {
  test('is key, MAC, time, truncation', () => {
    const wrong = { mac: Buffer.alloc(16), timeSigned: 1 }
    assert.deepEqual(outcome({ ...wrong, macLength: 1 }, { ...SHA256, name: 'nobody.' }), BADKEY)
    assert.deepEqual(outcome(wrong), BADSIG)
    assert.deepEqual(outcome({ timeSigned: 1, macLength: 16 }), BADTIME)
    assert.deepEqual(outcome({ macLength: 16 }), BADTRUNC)
  })

  test('the signature comes before what else is wrong with the query', () => {
    const cases: readonly Asked[] = [{ edns: 1232, version: 1 }, { opcode: 5 }, { class: 3 }, { opcode: 4 }]
    for (const asked of cases) {
      const query = queryOf('elsewhere.', 'SOA', asked)
      assert.deepEqual(outcome({ mac: Buffer.alloc(32) }, SHA256, query), BADSIG)
    }
  })
})

suite('5.3: the reply to a good query', () => {
  for (const key of KEYS) {
    test(`is what it would be without, and signed with ${key.algorithm}`, () => {
      const told = askSigned('ns.example.', 'A', {}, key)
      const plain = askAt(nameserver, QUERY)
      assert.deepEqual([told.rcode, told.aa, told.answer], [plain.rcode, plain.aa, plain.answer])
      assert.equal(told.additional.length, 1)
    })
  }

  test('is signed whatever it says', () => {
    for (const [qname, qtype, rcode, asked] of [
      ['no.example.', 'A', RCODE.NXDOMAIN, {}],
      ['ns.example.', 'AAAA', RCODE.NOERROR, {}],
      ['elsewhere.', 'A', RCODE.REFUSED, {}],
      ['version.bind.', 'TXT', RCODE.NOERROR, { class: 3 }],
      ['ns.example.', 'A', RCODE.BADVERS, { edns: 1232, version: 1 }],
      ['example.', 'SOA', RCODE.NOTIMP, { opcode: 5 }],
      ['example.', 'SOA', RCODE.REFUSED, { opcode: 4 }],
      ['example.', 'AXFR', RCODE.REFUSED, { transport: 'tcp' }],
      ['example.', 'AXFR', RCODE.FORMERR, {}],
      ['example.', 'IXFR', RCODE.REFUSED, {}],
      ['elsewhere.', 'AXFR', RCODE.NOTAUTH, { transport: 'tcp' }],
      ['ns.example.', 'TSIG', RCODE.FORMERR, {}],
    ] as const)
      assert.equal(askSigned(qname, qtype, asked).rcode, rcode, `${qname} ${qtype}`)
  })

  test('has its OPT before the TSIG', () => {
    const told = askSigned('ns.example.', 'A', { edns: 1232, options: Uint8Array.of(0, 3, 0, 0) })
    assert.deepEqual(told.opt?.options.get(3), Buffer.from('test-1'))
  })

  test('is not signed where the query is not', () => {
    assert.equal(tsigOf(askAt(nameserver, signed(QUERY, SHA256).octets)) === undefined, false)
    assert.equal(tsigOf(askAt(nameserver, QUERY)), undefined)
    const malformed = Buffer.concat([QUERY, Uint8Array.of(0)])
    assert.deepEqual(outcomeOf(askAt(nameserver, malformed)), MALFORMED)
  })

  test('that is cut after the first link of a chain does not keep that one', () => {
    assert.equal(askAt(nameserver, queryOf('alias.example.', 'TXT')).answer.length, 1)
    const told = askSigned('alias.example.', 'TXT', { edns: 1232 })
    assert.deepEqual([told.tc, told.answer, told.additional.length], [true, [], 1])
  })

  test('that does not fit beside the TSIG has the question, the OPT and TC, and is signed', () => {
    for (const edns of [undefined, 512, 1232]) {
      const told = askSigned('many.example.', 'TXT', edns === undefined ? {} : { edns })
      assert.ok(told.octets.length <= (edns ?? 512))
      assert.deepEqual([told.tc, told.rcode, told.answer, told.authority], [true, RCODE.NOERROR, [], []])
      assert.equal(told.additional.length, 1)
      assert.equal(told.opt !== undefined, edns !== undefined)
    }
  })

  test('that does not fit has rcode 0, though the name does not exist', () => {
    const name = `${'n'.repeat(63)}.${'n'.repeat(63)}.${'n'.repeat(63)}.${'n'.repeat(45)}.example.`
    const key = { ...LONG, name: LONG.name }
    const query = signed(queryOf(name, 'A', { edns: 640 }), key)
    const told = askAt(nameserver, query.octets)
    assert.ok(told.octets.length <= 640)
    verified(told, key, query.mac)
    assert.deepEqual([told.tc, told.rcode, told.authority], [true, RCODE.NOERROR, []])
    assert.equal(askSigned(name, 'A', { transport: 'tcp' }, key).rcode, RCODE.NXDOMAIN)
  })

  test('is whole over TCP', () => {
    const told = askSigned('many.example.', 'TXT', { transport: 'tcp' })
    assert.deepEqual([told.tc, told.answer.length], [false, 60])
  })

  test('is never longer than the client takes, and no shorter than it need be', () => {
    const outcomes = new Set<boolean>()
    for (let size = 0; size < 40; size++) {
      const plain = askAt(nameserver, queryOf(`r${size}.example.`, 'TXT'))
      const told = askSigned(`r${size}.example.`, 'TXT')
      const room = wire(SHA256.name).length + 10 + wire('hmac-sha256.').length + 16 + 32
      assert.ok(told.octets.length <= 512)
      assert.equal(told.tc, plain.tc || plain.octets.length + room > 512, `r${size}`)
      outcomes.add(told.tc)
    }
    assert.equal(outcomes.size, 2)
  })

  test('goes without a TSIG where names of 255 octets leave a datagram no room: TC, and TCP has it', () => {
    const name = `${'q'.repeat(63)}.${'q'.repeat(63)}.${'q'.repeat(63)}.${'q'.repeat(53)}.example.`
    const told = askAt(nameserver, signed(queryOf(name, 'A', { edns: 512 }), LONG).octets)
    assert.ok(told.octets.length <= 512)
    assert.deepEqual([told.rcode, told.tc, told.answer, told.additional], [RCODE.NOERROR, true, [], []])
    assert.equal(askSigned(name, 'A', { transport: 'tcp' }, LONG).rcode, RCODE.NXDOMAIN)
    const algorithm = `${LONG_NAME}${'a'.repeat(60)}.`
    const odd = tsigRecord(QUERY, { ...LONG, name: algorithm }, { algorithmName: wire(algorithm) })
    const huge = append(queryOf(name, 'A'), odd)
    assert.deepEqual(outcomeOf(askAt(nameserver, huge)), [RCODE.NOERROR])
    assert.deepEqual(outcomeOf(askAt(nameserver, huge, { transport: 'tcp' })), BADKEY)
  })

  test('has a TSIG of enormous names as soon as the payload size of the query has room for it', () => {
    const enormous = { algorithmName: wire(LONG.name), mac: Buffer.alloc(64) }
    const room = 12 + wire('ns.example.').length + 4 + 11 + 2 * wire(LONG.name).length + 26
    for (const [edns, expected] of [
      [undefined, [RCODE.NOERROR]],
      [512, [RCODE.NOERROR]],
      [room - 1, [RCODE.NOERROR]],
      [room, BADKEY],
      [1232, BADKEY],
    ] as const) {
      const query = queryOf('ns.example.', 'A', edns === undefined ? {} : { edns })
      const told = askAt(nameserver, signed(query, LONG, enormous).octets)
      assert.ok(told.octets.length <= (edns ?? 512))
      assert.deepEqual([outcomeOf(told), told.tc], [expected, expected !== BADKEY], `${edns}`)
    }
  })
})

test('what is wrong with signatures is counted', () => {
  const counted = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: '' })
  askAt(counted, signed(QUERY, SHA256).octets)
  askAt(counted, QUERY)
  const { queries, noerror, notauth, badtsig } = counted.counts
  assert.deepEqual({ queries, noerror, notauth, badtsig }, { queries: 2, noerror: 1, notauth: 1, badtsig: 1 })
})

suite('hostile records', () => {
  const TIME_LIMIT = 2500
  const name = fc.oneof(
    fc.constantFrom(wire(SHA256.name), wire(LONG.name), wire('.'), Uint8Array.of(0xc0, 12)),
    fc.uint8Array({ maxLength: 40 }),
  )
  const odd = fc.record(
    {
      owner: name,
      algorithmName: name,
      timeSigned: fc.constantFrom(0, NOW, NOW + 1000, 2 ** 48 - 1),
      fudge: fc.nat(0xffff),
      mac: fc.uint8Array({ maxLength: 80 }),
      macLength: fc.nat(32),
      originalId: fc.nat(0xffff),
      error: fc.nat(0xffff),
      other: fc.uint8Array({ maxLength: 20 }),
      class: fc.constantFrom(255, 255, 255, 1),
      ttl: fc.constantFrom(0, 0, 0, 1),
    },
    { requiredKeys: [] },
  )
  const signing = fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, { weight: 4, arbitrary: odd })
  const mutation = fc.record({
    at: fc.nat(400),
    octet: fc.nat(255),
    kind: fc.constantFrom('set', 'cut', 'insert'),
  })

  test('are survived, and no reply but to a good one has an answer', () => {
    const transports = fc.constantFrom('udp', 'tcp')
    const keys = fc.constantFrom(...KEYS, LONG)
    const seen = new Set<unknown>()
    fc.assert(
      fc.property(
        keys,
        signing,
        fc.array(mutation, { maxLength: 3 }),
        transports,
        (key, odd, changes, transport) => {
          const query = queryOf('ns.example.', 'A', changes.length > 1 ? { edns: 512 } : {})
          const octets = mutate(signed(query, key, odd).octets, changes)
          if (octets.length < 12 || (octets.readUInt8(2) & 0x80) !== 0) return
          const told = askAt(nameserver, octets, { transport })
          const [rcode, error] = outcomeOf(told)
          seen.add(error)
          // A changed octet may be one of the payload size: the client then takes more than the 512 it began with.
          const taken = told.opt === undefined ? 512 : 1232
          assert.ok(transport === 'tcp' || told.octets.length <= taken)
          if (rcode !== RCODE.NOTAUTH) return
          assert.deepEqual([told.answer, told.authority], [[], []])
        },
      ),
      { numRuns: 20_000, interruptAfterTimeLimit: TIME_LIMIT },
    )
    for (const error of [undefined, TSIG_ERROR.NONE, TSIG_ERROR.BADKEY, TSIG_ERROR.BADSIG])
      assert.ok(seen.has(error), `no query led to ${error}`)
  })

  test('made of random octets are survived', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(0xffff), (rdata, rdlength) => {
        const head = Buffer.from('0000fa00ff000000000000', 'hex')
        head.writeUInt16BE(rdlength % 2 === 0 ? rdata.length : rdlength, 9)
        askAt(nameserver, append(QUERY, Buffer.concat([head, rdata])))
      }),
      { numRuns: 20_000, interruptAfterTimeLimit: TIME_LIMIT },
    )
  })

  function mutate(octets: Buffer, changes: readonly { at: number; octet: number; kind: string }[]): Buffer {
    for (const { at, octet, kind } of changes) {
      const place = at % (octets.length + 1)
      if (kind === 'set' && place < octets.length) octets[place] = octet
      if (kind === 'cut') octets = octets.subarray(0, place)
      if (kind === 'insert')
        octets = Buffer.concat([octets.subarray(0, place), Buffer.of(octet), octets.subarray(place)])
    }
    return octets
  }
})
