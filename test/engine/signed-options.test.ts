/** Options in replies that are signed: the TSIG comes behind the OPT, and has its room before any option has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { OPTION, option, secretsOf, sendAs, toldOption } from './edns-options.ts'
import { type Key, NOW, signed, tsigOf, verified } from './tsig-client.ts'
import { type Asked, catalogOf, queryOf, type Told, wire } from './zones.ts'

const ZONE = 'example. 300 IN SOA ns.example. host.example. 1 2 3 4 60\nexample. 300 IN NS ns.example.'
const SECRET = Buffer.from('a secret of the two of us')
const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: SECRET }
const LABEL = `${'k'.repeat(63)}.`
const LONG_KEY: Key = { name: `${LABEL.repeat(3)}kkkk.`, algorithm: 'hmac-sha512', secret: SECRET }
const COOKIE = option(OPTION.COOKIE, '2464c4abcf10c957')

const nameserver = new Nameserver({
  catalog: catalogOf(ZONE),
  nsid: 'n'.repeat(40),
  version: '',
  hostname: '',
  cookieSecrets: secretsOf('00'.repeat(16)).buffer,
  tcpIdleMs: 10_000,
  keys: [
    { name: wire(KEY.name), algorithm: 'hmac-sha256', secret: SECRET },
    { name: wire(LONG_KEY.name), algorithm: 'hmac-sha512', secret: SECRET },
  ],
})

function askSigned(qname: string, options: readonly Uint8Array[], asked: Asked, key = KEY): Told {
  const query = queryOf(qname, 'SOA', { edns: 1232, ...asked, options: Buffer.concat(options) })
  const { octets, mac } = signed(query, key)
  const told = sendAs(nameserver, octets, { at: NOW, transport: asked.transport ?? 'udp' })
  if (tsigOf(told) !== undefined) verified(told, key, mac)
  return told
}

test('RFC 8467 4.1: the padding counts the signature behind it', () => {
  for (let length = 1; length <= 63; length++) {
    const told = askSigned(`${'n'.repeat(length)}.example.`, [option(OPTION.PADDING), COOKIE], {
      transport: 'tcp',
    })
    assert.ok(tsigOf(told))
    assert.equal(told.octets.length, 468, `a label of ${length} octets`)
  }
})

test('RFC 8467 4.1: a signed reply of any length is padded to the end of its block, and no further', () => {
  const catalog = catalogOf(ZONE)
  const server = new Nameserver({
    catalog,
    nsid: '',
    version: '',
    hostname: '',
    keys: [{ name: wire(KEY.name), algorithm: 'hmac-sha256', secret: SECRET }],
  })
  for (let length = 1; length <= 2 * 468; length += 3) {
    const rdatas = [new Uint8Array(length)]
    catalog.commit([{ kind: 'put', rrset: { owner: wire('x.example.'), type: 65_280, ttl: 1, rdatas } }])
    const [plain, padded] = [[], [option(OPTION.PADDING)]].map(options => {
      const asked = { edns: 1232, options: Buffer.concat(options) }
      const { octets } = signed(queryOf('x.example.', 'TYPE65280', asked), KEY)
      return sendAs(server, octets, { at: NOW, transport: 'tcp' }).octets.length
    })
    assert.equal(padded, Math.ceil(((plain ?? 0) + 4) / 468) * 468, `${length} octets`)
  }
})

test('a signed reply carries the cookie', () => {
  const told = askSigned('example.', [COOKIE], {})
  assert.ok(tsigOf(told))
  assert.equal(toldOption(told, OPTION.COOKIE)?.length, 48)
})

test('where question, cookie and signature do not fit together, the cookie goes with TC and without a signature', () => {
  const seen = new Set<boolean>()
  for (let length = 1; length <= 60; length++) {
    const name = `${LABEL.repeat(2)}${'n'.repeat(length)}.example.`
    for (const options of [[COOKIE], [COOKIE, option(OPTION.NSID), option(OPTION.ZONEVERSION)]]) {
      const told = askSigned(name, options, { edns: 512 }, LONG_KEY)
      assert.ok(told.octets.length <= 512)
      assert.equal(toldOption(told, OPTION.COOKIE)?.length, 48)
      const isSigned = tsigOf(told) !== undefined
      if (!isSigned) assert.deepEqual([told.rcode, told.tc], [RCODE.NOERROR, true])
      seen.add(isSigned)
    }
  }
  assert.equal(seen.size, 2)
})
