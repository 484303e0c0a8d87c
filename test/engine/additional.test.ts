/** What comes along with an answer, and what does not. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ask, serve } from './zones.ts'

const APEX = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.elsewhere.'
const SRV_DATA = '0001000213c404686f7374076578616d706c6500'

suite('the data of a NAPTR rule', () => {
  const nameserver = serve(`${APEX}
host.example. 300 IN A 192.0.2.1
example. 300 IN SRV 1 2 5060 host.example.
_sip.host.example. 300 IN SRV 1 2 5060 host.example.
cut.example. 300 IN NS ns.elsewhere.
cut.example. 300 IN SRV 1 2 5060 host.example.
away.example. 300 IN DNAME elsewhere.
_sip.away.example. 300 IN SRV 1 2 5060 host.example.
below.example. 300 IN NAPTR 1 1 s SIP "" _sip.host.example.
apex.example. 300 IN NAPTR 1 1 s SIP "" example.
expression.example. 300 IN NAPTR 1 1 s SIP "!^.*$!x!" _sip.host.example.
later.example. 300 IN NAPTR 1 1 p SIP "" host.example.
later.example. 300 IN NAPTR 2 1 s SIP "" _sip.host.example.
other.example. 300 IN NAPTR 1 1 p SIP "" _sip.host.example.
atcut.example. 300 IN NAPTR 1 1 s SIP "" cut.example.
renamed.example. 300 IN NAPTR 1 1 s SIP "" _sip.away.example.`)
  const cases: readonly (readonly [says: string, owner: string, additional: readonly string[]])[] = [
    ['comes along from below another name', 'below', [`_sip.host.example. 300 SRV ${SRV_DATA}`]],
    ['comes along from the apex', 'apex', [`example. 300 SRV ${SRV_DATA}`]],
    ['is found behind an expression', 'expression', [`_sip.host.example. 300 SRV ${SRV_DATA}`]],
    ['comes after a rule that leads to none', 'later', [`_sip.host.example. 300 SRV ${SRV_DATA}`]],
    ['does not come with another flag', 'other', []],
    ['does not come from a cut: it is the other zone’s', 'atcut', []],
    ['does not come from below a DNAME', 'renamed', []],
  ]
  for (const [says, owner, additional] of cases)
    test(says, () => assert.deepEqual(ask(nameserver, `${owner}.example.`, 'NAPTR').additional, additional))
})

test('a route through comes with X.25 and ISDN addresses', () => {
  const nameserver = serve(`${APEX}
rt.example. 300 IN RT 1 host.example.
host.example. 300 IN X25 311061700956
host.example. 300 IN ISDN "150862028003217"`)
  assert.deepEqual(ask(nameserver, 'rt.example.', 'RT').additional, [
    'host.example. 300 X25 0c333131303631373030393536',
    'host.example. 300 ISDN 0f313530383632303238303033323137',
  ])
})

suite('an alias for a service', () => {
  const links = Array.from({ length: 7 }, (_, i) => `a${i}.example. 300 IN HTTPS 0 a${i + 1}.example.`)
  const nameserver = serve(`${APEX}
${links.join('\n')}
a1.example. 300 IN A 192.0.2.1
service.example. 300 IN HTTPS 1 a1.example.`)

  test('is followed to the fourth and no further, and each target comes with its addresses', () => {
    const { additional } = ask(nameserver, 'a0.example.', 'HTTPS')
    const owners = additional.filter(text => text.includes(' HTTPS ')).map(text => text.split(' ')[0])
    assert.deepEqual(owners, ['a1.example.', 'a2.example.', 'a3.example.', 'a4.example.'])
    assert.ok(additional.includes('a1.example. 300 A 192.0.2.1'))
  })

  test('is no target of a service: that one comes with addresses alone', () => {
    assert.deepEqual(ask(nameserver, 'service.example.', 'HTTPS').additional, ['a1.example. 300 A 192.0.2.1'])
  })
})

test('however much an answer leads to, no more than 63 rrsets come along', () => {
  const hosts = Array.from(
    { length: 80 },
    (_, i) => `example. 300 IN MX ${i} h${i}.example.\nh${i}.example. 300 IN A 192.0.2.1`,
  )
  const told = ask(serve(`${APEX}\n${hosts.join('\n')}`), 'example.', 'MX', { transport: 'tcp' })
  assert.equal(told.answer.length, 80)
  assert.equal(told.additional.length, 63)
})
