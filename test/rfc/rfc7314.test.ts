import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RCODE } from '../../src/wire/codes.ts'
import { askAs, OPTION, option, serveOptions, toldOption } from '../engine/edns-options.ts'

const WEEK = '00093a80'
const nameserver = serveOptions([
  `example. 300 IN SOA ns.example. host.example. 1 7200 900 604800 60
example. 300 IN NS ns.example.
a.example. 300 IN A 192.0.2.1
alias.example. 300 IN CNAME example.
sub.example. 300 IN NS ns.sub.example.`,
])

function expireFor(qname: string, qtype: string, transport: 'udp' | 'tcp' = 'udp'): string | undefined {
  return toldOption(askAs(nameserver, [qname, qtype], [option(OPTION.EXPIRE)], { transport }), OPTION.EXPIRE)
}

test('a primary tells who asks with SOA the EXPIRE of the SOA', () => {
  assert.equal(expireFor('example.', 'SOA'), WEEK)
  assert.equal(expireFor('EXAMPLE.', 'SOA', 'tcp'), WEEK)
})

test('who does not ask is not told', () => {
  const told = askAs(nameserver, ['example.', 'SOA'], [option(OPTION.NSID)])
  assert.equal(toldOption(told, OPTION.EXPIRE), undefined)
})

test('what the option holds in a query means nothing', () => {
  const told = askAs(nameserver, ['example.', 'SOA'], [option(OPTION.EXPIRE, '0001')])
  assert.deepEqual([told.rcode, toldOption(told, OPTION.EXPIRE)], [RCODE.NOERROR, WEEK])
})

test('only the SOA of a zone of ours is answered with it', () => {
  for (const [qname, qtype] of [
    ['example.', 'NS'],
    ['example.', 'ANY'],
    ['a.example.', 'SOA'],
    ['no.example.', 'SOA'],
    ['alias.example.', 'SOA'],
    ['sub.example.', 'SOA'],
    ['elsewhere.', 'SOA'],
  ] as const)
    assert.equal(expireFor(qname, qtype), undefined, `${qname} ${qtype}`)
})
