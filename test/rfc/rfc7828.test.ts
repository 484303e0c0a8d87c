import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { askAs, OPTION, option, serveOptions, toldOption } from '../engine/edns-options.ts'
import { catalogOf } from '../engine/zones.ts'

const ZONE = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.'
const SOA = ['example.', 'SOA'] as const
const KEEPALIVE = option(OPTION.KEEPALIVE)
const nameserver = serveOptions([ZONE])

function serverWithIdle(tcpIdleMs?: number): Nameserver {
  const texts = { nsid: '', version: '', hostname: '' }
  return new Nameserver({
    catalog: catalogOf(ZONE),
    ...texts,
    ...(tcpIdleMs === undefined ? {} : { tcpIdleMs }),
  })
}

test('3.3.2: over TCP who asks is told the idle time-out, in units of 100 ms', () => {
  const told = askAs(nameserver, SOA, [KEEPALIVE], { transport: 'tcp' })
  assert.deepEqual([told.rcode, toldOption(told, OPTION.KEEPALIVE)], [RCODE.NOERROR, '0064'])
})

test('3.3.2: it is told with errors too', () => {
  const told = askAs(nameserver, ['elsewhere.', 'A'], [KEEPALIVE], { transport: 'tcp' })
  assert.deepEqual([told.rcode, toldOption(told, OPTION.KEEPALIVE)], [RCODE.REFUSED, '0064'])
})

test('over TCP who does not ask is not told', () => {
  const told = askAs(nameserver, SOA, [option(OPTION.NSID)], { transport: 'tcp' })
  assert.equal(toldOption(told, OPTION.KEEPALIVE), undefined)
})

test('3.3.1, 3.3.2: over UDP the option is ignored, whatever it holds', () => {
  for (const data of ['', '00', '0064', '000000', '0011223344']) {
    const told = askAs(nameserver, SOA, [option(OPTION.KEEPALIVE, data)])
    assert.deepEqual([told.rcode, told.answer.length, told.opt?.options.size], [RCODE.NOERROR, 1, 0], data)
  }
})

test('3.1: over TCP the option is empty, or a time-out of two octets that means nothing in a query', () => {
  for (const [data, rcode] of [
    ['', RCODE.NOERROR],
    ['0001', RCODE.NOERROR],
    ['00', RCODE.FORMERR],
    ['000000', RCODE.FORMERR],
    ['00000000', RCODE.FORMERR],
  ] as const) {
    const told = askAs(nameserver, SOA, [option(OPTION.KEEPALIVE, data)], { transport: 'tcp' })
    assert.equal(told.rcode, rcode, data)
    assert.equal(toldOption(told, OPTION.KEEPALIVE), rcode === RCODE.NOERROR ? '0064' : undefined)
  }
})

test('a time-out longer than two octets can say is told as the longest', () => {
  const told = askAs(serverWithIdle(7_000_000), SOA, [KEEPALIVE], { transport: 'tcp' })
  assert.equal(toldOption(told, OPTION.KEEPALIVE), 'ffff')
})

test('a server that does not know its time-out says nothing of it', () => {
  const told = askAs(serverWithIdle(), SOA, [KEEPALIVE], { transport: 'tcp' })
  assert.deepEqual([told.rcode, told.opt?.options.size], [RCODE.NOERROR, 0])
})
