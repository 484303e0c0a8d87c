/** What comes with NAPTR (RFC 3404 4.4), and with the older types that name a host (RFC 1183, 1035, 2230, 6742). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, serve } from '../engine/zones.ts'

const nameserver = serve(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.elsewhere.
host.example. 300 IN A 192.0.2.1
host.example. 300 IN AAAA 2001:db8::1
host.example. 300 IN X25 311061700956
host.example. 300 IN L32 10 10.1.2.0
host.example. 300 IN L64 10 2001:db8:1:2
_sip.example. 300 IN SRV 1 2 5060 host.example.
a.example. 300 IN NAPTR 1 1 A SIP "" host.example.
s.example. 300 IN NAPTR 1 1 s SIP "" _sip.example.
u.example. 300 IN NAPTR 1 1 u SIP "!^.*$!sip:x@example!" host.example.
afsdb.example. 300 IN AFSDB 1 host.example.
kx.example. 300 IN KX 1 host.example.
rt.example. 300 IN RT 1 host.example.
mb.example. 300 IN MB host.example.
lp.example. 300 IN LP 1 host.example.`)

const ADDRESSES = ['host.example. 300 A 192.0.2.1', 'host.example. 300 AAAA 2001:db8::1']

describe('with it comes', () => {
  const cases: readonly (readonly [owner: string, type: string, additional: readonly string[]])[] = [
    ['a.example.', 'NAPTR', ADDRESSES],
    ['s.example.', 'NAPTR', ['_sip.example. 300 SRV 0001000213c404686f7374076578616d706c6500']],
    ['u.example.', 'NAPTR', []],
    ['afsdb.example.', 'AFSDB', ADDRESSES],
    ['kx.example.', 'KX', ADDRESSES],
    ['rt.example.', 'RT', [...ADDRESSES, 'host.example. 300 X25 0c333131303631373030393536']],
    ['mb.example.', 'MB', ADDRESSES],
    [
      'lp.example.',
      'LP',
      ['host.example. 300 L32 000a0a010200', 'host.example. 300 L64 000a20010db800010002'],
    ],
  ]
  for (const [owner, type, additional] of cases) {
    test(`${owner} ${type}`, () => assert.deepEqual(ask(nameserver, owner, type).additional, additional))
  }
})
