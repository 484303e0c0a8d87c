import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, serve } from '../engine/zones.ts'

function zone(servers: number): string {
  const inDomain = Array.from(
    { length: servers },
    (_, i) => `sub.example. 300 IN NS ns${i}.sub.example.
ns${i}.sub.example. 300 IN A 192.0.2.${i}
ns${i}.sub.example. 300 IN AAAA 2001:db8::${i}`,
  )
  const siblings = Array.from(
    { length: servers },
    (_, i) => `sib.example. 300 IN NS ns${i}.other.example.
ns${i}.other.example. 300 IN A 192.0.2.${i}
ns${i}.other.example. 300 IN AAAA 2001:db8::${i}`,
  )
  return `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
${inDomain.join('\n')}
${siblings.join('\n')}
other.example. 300 IN NS ns0.other.example.
far.example. 300 IN NS ns.elsewhere.`
}

test('2.1: all glue below the cut is in the referral', () => {
  const told = ask(serve(zone(3)), 'x.sub.example.', 'A')
  assert.deepEqual([told.tc, told.authority.length, told.additional.length], [false, 3, 6])
})

test('3.1: glue below the cut that does not fit leaves TC', () => {
  const told = ask(serve(zone(12)), 'x.sub.example.', 'A')
  assert.deepEqual([told.tc, told.authority.length], [true, 12])
  assert.equal(ask(serve(zone(12)), 'x.sub.example.', 'A', { transport: 'tcp' }).additional.length, 24)
})

test('2.2, 3.2: glue of siblings is added, and left out without TC where it does not fit', () => {
  assert.equal(ask(serve(zone(3)), 'x.sib.example.', 'A').additional.length, 6)
  const told = ask(serve(zone(12)), 'x.sib.example.', 'A')
  assert.deepEqual([told.tc, told.authority.length], [false, 12])
  assert.ok(told.additional.length < 24)
})

test('a server outside our zones has no glue', () => {
  assert.equal(ask(serve(zone(1)), 'x.far.example.', 'A').additional.length, 0)
})

test('2.1: addresses that are dropped from a positive answer leave no TC', () => {
  const told = ask(serve(`${zone(12)}\nsub2.example. 1 IN A 192.0.2.9`), 'example.', 'NS')
  assert.deepEqual([told.tc, told.additional], [false, ['ns.example. 300 A 192.0.2.1']])
})
