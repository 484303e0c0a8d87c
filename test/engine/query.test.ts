import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Query } from '../../src/engine/query.ts'
import { type Key, signed } from './tsig-client.ts'
import { optOf, queryOf, wire } from './zones.ts'

const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }

function read(octets: Uint8Array, length = octets.length): Query {
  const query = new Query()
  query.read(octets, length)
  return query
}

/** An IXFR with a SOA, an OPT and a TSIG: a record in every section that a query can have one in. */
function wholeQuery(): Buffer {
  const soa = Buffer.concat([
    wire('example.'),
    Buffer.from([0, 6, 0, 1, 0, 0, 0, 0, 0, 22]),
    Buffer.alloc(22),
  ])
  const octets = Buffer.concat([queryOf('example.', 'IXFR'), soa, optOf({ edns: 1232 })])
  octets.writeUInt16BE(1, 8)
  octets.writeUInt16BE(1, 10)
  return signed(octets, KEY).octets
}

suite('a query', () => {
  const whole = wholeQuery()

  test('is well formed as it is', () => {
    const query = read(whole)
    assert.deepEqual([query.malformed, query.hasQuestion, query.edns.present], [false, true, true])
  })

  test('is malformed wherever it is cut, even where the buffer goes on as it was', () => {
    for (let length = 12; length < whole.length; length++)
      assert.ok(read(whole, length).malformed, `cut behind ${length} octets`)
  })

  test('is malformed with an octet behind its last record', () => {
    assert.ok(read(Buffer.concat([whole, Buffer.alloc(1)])).malformed)
  })

  test('is malformed with a count too many, in any section', () => {
    for (const at of [4, 6, 8, 10]) {
      const octets = Buffer.from(whole)
      octets.writeUInt16BE(octets.readUInt16BE(at) + 1, at)
      assert.ok(read(octets).malformed, `the count at ${at}`)
    }
  })

  test('may end with a record without data', () => {
    const empty = Buffer.concat([wire('x.'), Buffer.from([0, 16, 0, 1, 0, 0, 0, 0, 0, 0])])
    for (const [count, type] of [
      [6, 'A'],
      [8, 'IXFR'],
      [10, 'A'],
    ] as const) {
      const octets = Buffer.concat([queryOf('example.', type), empty])
      octets.writeUInt16BE(1, count)
      assert.ok(!read(octets).malformed, `the count at ${count}`)
    }
  })
})
