import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, catalogOf, serve } from './zones.ts'

const ZONE = 'example. 300 IN SOA a. b. 1 2 3 4 60\nexample. 300 IN NS a.'
const CH = { class: 3 }

test('the server says what it is and which host it is', () => {
  const nameserver = serve(ZONE)
  assert.deepEqual(ask(nameserver, 'version.bind.', 'TXT', CH).answer, [
    'version.bind. 0 TXT "freenet6 test"',
  ])
  assert.deepEqual(ask(nameserver, 'VERSION.server.', 'TXT', CH).answer, [
    'version.server. 0 TXT "freenet6 test"',
  ])
  assert.deepEqual(ask(nameserver, 'hostname.bind.', 'TXT', CH).answer, ['hostname.bind. 0 TXT "ns.test"'])
  assert.deepEqual(ask(nameserver, 'id.server.', 'TXT', CH).answer, ['id.server. 0 TXT "test-1"'])
})

test('everything else in class CH is refused', () => {
  const nameserver = serve(ZONE)
  assert.equal(ask(nameserver, 'authors.bind.', 'TXT', CH).rcode, RCODE.REFUSED)
  assert.equal(ask(nameserver, 'version.bind.', 'A', CH).rcode, RCODE.REFUSED)
  assert.equal(ask(nameserver, 'example.', 'SOA', CH).rcode, RCODE.REFUSED)
})

test('the same names in class IN are nothing of ours', () => {
  assert.equal(ask(serve(ZONE), 'version.bind.', 'TXT').rcode, RCODE.REFUSED)
})

test('an empty text is kept to oneself', () => {
  const nameserver = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: '' })
  for (const name of ['version.bind.', 'hostname.bind.', 'id.server.']) {
    assert.equal(ask(nameserver, name, 'TXT', CH).rcode, RCODE.REFUSED)
  }
})

test('an answer is authoritative and whole, and ANY asks for the same', () => {
  const nameserver = serve(ZONE)
  for (const type of ['TXT', 'ANY']) {
    const told = ask(nameserver, 'version.bind.', type, CH)
    assert.deepEqual([told.answer.length, told.aa, told.tc], [1, true, false])
  }
})

test('without an NSID the server is identified by its host name', () => {
  const nameserver = new Nameserver({ catalog: catalogOf(ZONE), nsid: '', version: '', hostname: 'ns.test' })
  assert.deepEqual(ask(nameserver, 'id.server.', 'TXT', CH).answer, ['id.server. 0 TXT "ns.test"'])
})
