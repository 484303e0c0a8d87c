/** CNAME and DNAME, one after the other, and what of an answer does not fit. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { ask, serve } from './zones.ts'

const APEX = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.elsewhere.'
/** 193 octets in wire form. */
const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.`

test('a ring that the chain runs into is gone round once', () => {
  const nameserver = serve(`${APEX}
a.example. 300 IN CNAME b.example.
b.example. 300 IN CNAME c.example.
c.example. 300 IN CNAME d.example.
d.example. 300 IN CNAME c.example.`)
  assert.deepEqual(ask(nameserver, 'a.example.', 'A').answer, [
    'a.example. 300 CNAME b.example.',
    'b.example. 300 CNAME c.example.',
    'c.example. 300 CNAME d.example.',
    'd.example. 300 CNAME c.example.',
  ])
})

suite('below a DNAME', () => {
  const nameserver = serve(`${APEX}
old.example. 300 IN DNAME new.example.
www.new.example. 300 IN A 192.0.2.1
link.new.example. 300 IN CNAME www.new.example.
in.example. 300 IN CNAME www.old.example.
long.example. 300 IN DNAME ${LONG}`)
  const dname = 'old.example. 300 DNAME new.example.'

  for (const type of ['CNAME', 'ANY'])
    test(`the CNAME that it stands for is the answer to ${type}, and is not followed`, () => {
      const told = ask(nameserver, 'link.old.example.', type)
      assert.deepEqual(told.answer, [dname, 'link.old.example. 300 CNAME link.new.example.'])
      assert.deepEqual(told.authority, [])
    })

  test('the DNAME is in each answer that passes it, whatever was answered before', () => {
    const told = [dname, 'www.old.example. 300 CNAME www.new.example.', 'www.new.example. 300 A 192.0.2.1']
    assert.deepEqual(ask(nameserver, 'www.old.example.', 'A').answer, told)
    assert.deepEqual(ask(nameserver, 'in.example.', 'A').answer, [
      'in.example. 300 CNAME www.old.example.',
      ...told,
    ])
  })

  test('RFC 6672 2.2: a name may become 255 octets long, and no more', () => {
    const longest = ask(nameserver, `${'x'.repeat(61)}.long.example.`, 'A', { transport: 'tcp' })
    assert.equal(longest.rcode, RCODE.NOERROR)
    assert.equal(longest.answer.length, 2)
    const longer = ask(nameserver, `${'x'.repeat(62)}.long.example.`, 'A', { transport: 'tcp' })
    assert.equal(longer.rcode, RCODE.YXDOMAIN)
    assert.equal(longer.answer.length, 1)
  })
})

suite('in 512 octets', () => {
  const deep = `${'d'.repeat(50)}.${LONG}`
  const servers = Array.from(
    { length: 20 },
    (_, i) => `cut.example. 300 IN NS ${'n'.repeat(40)}${i}.elsewhere.`,
  )
  const nameserver = serve(
    `${APEX}\n${servers.join('\n')}
www.example. 300 IN A 192.0.2.1`,
    `${LONG} 300 IN SOA m.${LONG} h.${deep} 1 2 3 4 60
${LONG} 300 IN NS ns.elsewhere.
${deep} 300 IN CNAME ${'e'.repeat(50)}.${'f'.repeat(63)}.${'g'.repeat(63)}.${'h'.repeat(60)}.example.`,
    `${'h'.repeat(60)}.example. 300 IN SOA a. b. 1 2 3 4 60
${'h'.repeat(60)}.example. 300 IN NS ns.elsewhere.
${'e'.repeat(50)}.${'f'.repeat(63)}.${'g'.repeat(63)}.${'h'.repeat(60)}.example. 300 IN A 192.0.2.9`,
  )

  test('a referral that does not fit is cut, and all there over TCP', () => {
    const told = ask(nameserver, 'www.cut.example.', 'A')
    assert.deepEqual([told.tc, told.authority, told.aa], [true, [], false])
    assert.equal(ask(nameserver, 'www.cut.example.', 'A', { transport: 'tcp' }).authority.length, 20)
  })

  test('a CNAME that does not fit ends the chain: its target alone would be an answer to something else', () => {
    const told = ask(nameserver, deep, 'A')
    assert.deepEqual([told.tc, told.answer], [true, []])
    assert.equal(ask(nameserver, deep, 'A', { transport: 'tcp' }).answer.length, 2)
  })
})

test('a denial whose SOA does not fit is cut', () => {
  const names = ['m', 'h'].map(
    letter => `${letter.repeat(60)}.${letter.repeat(60)}.${letter.repeat(60)}.${letter.repeat(60)}.`,
  )
  const nameserver = serve(
    `example. 300 IN SOA ${names.join(' ')} 1 2 3 4 60\nexample. 300 IN NS ns.elsewhere.`,
  )
  const told = ask(nameserver, 'nothing.example.', 'A')
  assert.deepEqual([told.tc, told.authority, told.rcode], [true, [], RCODE.NXDOMAIN])
  assert.equal(ask(nameserver, 'nothing.example.', 'A', { transport: 'tcp' }).authority.length, 1)
})
