/** The questions of a resolver that minimises qnames (RFC 9156): label by label, it must never meet a false NXDOMAIN. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, catalogOf, serveCatalog } from '../engine/zones.ts'
import { REVERSE, REVERSE_APEX, tunnelsNamed } from './tunnel-zones.ts'

const FORWARD = `freenet6.net. 300 IN SOA ns1.freenet6.net. host.freenet6.net. 1 2 3 4 60
freenet6.net. 300 IN NS ns1.freenet6.net.`
const HEX = '0123456789abcdef'

const catalog = catalogOf(FORWARD, REVERSE)
const nameserver = serveCatalog(catalog)
const [tunnel] = tunnelsNamed('h1.ca.freenet6.net.')
assert.ok(tunnel)
catalog.commit(tunnel.up)

/** The name and what is above it, from just below the apex down. */
function minimised(name: string, apex: string): readonly string[] {
  const labels = name.slice(0, -apex.length - 1).split('.')
  return labels.map((_, i) => `${labels.slice(i).join('.')}.${apex}`).reverse()
}

for (const qtype of ['A', 'NS'] as const) {
  test(`2.3: asked for ${qtype}, every name down to the tunnel’s exists`, () => {
    for (const name of [
      ...minimised(tunnel.name, 'freenet6.net.'),
      ...minimised(tunnel.pointer, REVERSE_APEX),
    ]) {
      const told = ask(nameserver, name, qtype, { edns: 1232 })
      assert.deepEqual([told.rcode, told.aa, told.answer.length], [RCODE.NOERROR, true, 0], name)
      assert.match(told.authority.join(), / SOA /)
    }
  })
}

test('the last question gets the answer', () => {
  assert.deepEqual(ask(nameserver, tunnel.pointer, 'PTR').answer, [`${tunnel.pointer} 60 PTR ${tunnel.name}`])
})

test('one nibble off the way there is no name, at every place and for every digit', () => {
  const names = minimised(tunnel.pointer, REVERSE_APEX)
  for (const name of names) {
    const [own = '', ...above] = name.split('.')
    for (const digit of HEX.replace(own, ''))
      assert.equal(ask(nameserver, [digit, ...above].join('.'), 'PTR').rcode, RCODE.NXDOMAIN, digit)
  }
})

test('33 and more nibbles, several digits in a label and no digit are no names', () => {
  const [, ...above] = tunnel.pointer.split('.')
  for (const name of [
    `0.${tunnel.pointer}`,
    `${'0.'.repeat(40)}${tunnel.pointer}`,
    `02.${above.join('.')}`,
    `g.${above.join('.')}`,
    `\\000.${above.join('.')}`,
  ])
    assert.equal(ask(nameserver, name, 'PTR').rcode, RCODE.NXDOMAIN, name)
})

test('upper case finds the same pointer', () => {
  const told = ask(nameserver, tunnel.pointer.toUpperCase(), 'PTR')
  assert.deepEqual(told.answer, [`${tunnel.pointer} 60 PTR ${tunnel.name}`])
})

test('a question through the tunnel’s own name from below has no name', () => {
  assert.equal(ask(nameserver, `www.${tunnel.name}`, 'A').rcode, RCODE.NXDOMAIN)
})
