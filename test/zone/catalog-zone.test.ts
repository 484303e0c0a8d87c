/** The catalog zone, as RFC 9432 has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogZone } from '../../src/zone/catalog-zone.ts'
import { nameOf, recordLines } from './zone-text.ts'

const APEX = nameOf('catalog.example.')
const MEMBERS = ['example.net.', '8.b.d.0.1.0.0.2.ip6.arpa.'].map(text => nameOf(text))

test('it has SOA, NS and version as the RFC asks, and a PTR for each member', () => {
  const [soa, ns, version, ...members] = recordLines(catalogZone(APEX, MEMBERS))
  // 4.1: "a single NS RR with an NSDNAME value of invalid."; the TTL and the SOA's minimum say nothing.
  assert.equal(soa, 'catalog.example. 0 SOA invalid. invalid. 1 3600 600 2147483646 0')
  assert.equal(ns, 'catalog.example. 0 NS invalid.')
  assert.equal(version, 'version.catalog.example. 0 TXT "2"')
  assert.match(members[0] ?? '', /^[0-9a-f]{32}\.zones\.catalog\.example\. 0 PTR example\.net\.$/)
  assert.match(
    members[1] ?? '',
    /^[0-9a-f]{32}\.zones\.catalog\.example\. 0 PTR 8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa\.$/,
  )
  assert.equal(members.length, 2)
})

test('a member keeps its label whatever else is listed, and from version to version', () => {
  const lines = (members: readonly Uint8Array[]) => recordLines(catalogZone(APEX, members)).slice(3)
  assert.deepEqual(lines(MEMBERS.toReversed()), lines(MEMBERS).toReversed())
  assert.deepEqual(lines(MEMBERS.slice(0, 1)), [
    '5aaf3ac400ef27d36b68cca88a18f7bc.zones.catalog.example. 0 PTR example.net.',
  ])
})
