/** A nameserver that follows another, as when the keys have changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePrefix } from '../../src/address/prefix.ts'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { type Key, NOW, signed } from './tsig-client.ts'
import { ask, catalogOf, queryOf, takeApart, wire } from './zones.ts'

const ZONE = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.elsewhere.'
const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }
const KEYS = [{ name: wire(KEY.name), algorithm: 'hmac-sha256', secret: KEY.secret } as const]

function follower(former?: Nameserver): Nameserver {
  const catalog = catalogOf(ZONE)
  const allow = [parsePrefix('0.0.0.0/0') ?? assert.fail()]
  const transfers = { allow, since: () => undefined, snapshot: () => catalog.snapshot() }
  return new Nameserver({ catalog, nsid: '', version: '', hostname: '', keys: KEYS, transfers }, former)
}

/** The rcode of a refusal; undefined where the transfer has begun. */
function transfer(nameserver: Nameserver, query: Uint8Array): number | undefined {
  const room = Buffer.alloc(65_535)
  const client = new Client('tcp')
  client.note('192.0.2.1', NOW)
  const answer = nameserver.converse(query, query.length, room, client)
  if (typeof answer === 'number') return takeApart(Buffer.from(room.subarray(0, answer))).rcode
  answer.close()
  return undefined
}

test('goes on with its counts', () => {
  const former = follower()
  ask(former, 'example.', 'SOA')
  const nameserver = follower(former)
  ask(nameserver, 'example.', 'SOA')
  assert.equal(nameserver.counts.queries, 2)
})

test('gives no transfer to who sends again what the one before has answered', () => {
  const former = follower()
  const { octets } = signed(queryOf('example.', 'AXFR', { id: 1 }), KEY, { timeSigned: NOW })
  assert.equal(transfer(former, octets), undefined)
  assert.equal(transfer(follower(former), octets), RCODE.NOTAUTH)
})

test('a transfer that begins is a query, a question of its type and a reply', () => {
  const nameserver = follower()
  transfer(nameserver, signed(queryOf('example.', 'AXFR', { id: 1 }), KEY, { timeSigned: NOW }).octets)
  const { queries, typeAXFR, noerror } = nameserver.counts
  assert.deepEqual({ queries, typeAXFR, noerror }, { queries: 1, typeAXFR: 1, noerror: 1 })
})
