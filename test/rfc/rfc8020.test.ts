/** NXDOMAIN says that there is nothing underneath (RFC 8020 2), so no name above one that exists may get it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { ask, catalogOf, serveCatalog, wire } from '../engine/zones.ts'
import { REVERSE, REVERSE_APEX, tunnelsNamed } from './tunnel-zones.ts'

const FORWARD = `freenet6.net. 300 IN SOA ns1.freenet6.net. host.freenet6.net. 1 2 3 4 60
freenet6.net. 300 IN NS ns1.freenet6.net.
deep.down.below.freenet6.net. 300 IN TXT "x"`

test('2: every name above one that exists exists, and has the SOA in its denial', () => {
  const nameserver = serveCatalog(catalogOf(FORWARD))
  for (const name of ['down.below.freenet6.net.', 'below.freenet6.net.', 'BELOW.freenet6.net.']) {
    const told = ask(nameserver, name, 'TXT')
    assert.deepEqual([told.rcode, told.answer.length, told.authority.length], [RCODE.NOERROR, 0, 1], name)
  }
  assert.equal(ask(nameserver, 'wn.below.freenet6.net.', 'TXT').rcode, RCODE.NXDOMAIN)
  assert.equal(ask(nameserver, 'x.deep.down.below.freenet6.net.', 'TXT').rcode, RCODE.NXDOMAIN)
})

test('2: when the last name below goes, the names above it go too, and not before', () => {
  const catalog = catalogOf(FORWARD, REVERSE)
  const nameserver = serveCatalog(catalog)
  const [first, second] = tunnelsNamed('one.ca.freenet6.net.', 'two.ca.freenet6.net.')
  assert.ok(first && second)
  catalog.commit([...first.up, ...second.up])
  catalog.commit(first.down)
  assert.equal(ask(nameserver, 'ca.freenet6.net.', 'AAAA').rcode, RCODE.NOERROR)
  assert.equal(ask(nameserver, 'one.ca.freenet6.net.', 'AAAA').rcode, RCODE.NXDOMAIN)
  catalog.commit(second.down)
  assert.equal(ask(nameserver, 'ca.freenet6.net.', 'AAAA').rcode, RCODE.NXDOMAIN)
})

test('2: of two pointers that share nibbles one goes, and every nibble of the other stays', () => {
  const catalog = catalogOf(FORWARD, REVERSE)
  const nameserver = serveCatalog(catalog)
  const [first, second] = tunnelsNamed('one.ca.freenet6.net.', 'two.ca.freenet6.net.')
  assert.ok(first && second)
  catalog.commit([...first.up, ...second.up])
  catalog.commit(first.down)
  for (let name: string = second.pointer; name !== REVERSE_APEX; name = name.slice(name.indexOf('.') + 1))
    assert.equal(ask(nameserver, name, 'PTR').rcode, RCODE.NOERROR, name)
  assert.equal(ask(nameserver, first.pointer, 'PTR').rcode, RCODE.NXDOMAIN)
  assert.equal(catalog.rrset(wire(first.pointer), TYPE.PTR), undefined)
  assert.equal(catalog.rrset(wire(second.pointer), TYPE.PTR)?.rdatas.length, 1)
})
