import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalRdata, formatRdata, type ParsedRdata, parseRdata } from '../../src/text/rdata.ts'
import { layoutOf } from '../../src/text/rdata-layout.ts'
import { parseType, TYPE, typeText } from '../../src/wire/codes.ts'
import { parseName } from '../../src/wire/name.ts'
import { MasterScanner } from '../../src/zone-file/master-scanner.ts'
import { FIELDS, rdataOf } from './any-rdata.ts'

const ORIGIN = parseName('example.net.') ?? Uint8Array.of(0)

test('every type that has a notation is tried here', () => {
  const untried = Object.entries(TYPE).filter(
    ([mnemonic, type]) => layoutOf(type) !== undefined && FIELDS[mnemonic] === undefined,
  )
  assert.deepEqual(untried, [])
})

test('type 0 is none of an NXT’s: its bit would say that the map is of another format (RFC 2535 5.2)', () => {
  assert.equal(parse(TYPE.NXT, 'a. TYPE0 A').kind, 'fault')
  assert.equal(parse(TYPE.NXT, 'a. TYPE1').kind, 'rdata')
  assert.equal(parse(TYPE.NSEC, 'a. TYPE0 A').kind, 'rdata')
})

describe('rdata reads back from its text', () => {
  for (const [mnemonic, fields] of Object.entries(FIELDS)) {
    test(mnemonic, () => {
      const type = parseType(mnemonic) ?? 0
      fc.assert(
        fc.property(rdataOf(fields), octets => {
          const text = formatRdata(type, octets)
          assert.doesNotMatch(text, /^\\#/)
          assert.deepEqual(parse(type, text), { kind: 'rdata', rdata: octets })
        }),
      )
    })
  }

  test('a type without a notation', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), rdata => {
        assert.deepEqual(parse(65_280, formatRdata(65_280, rdata)), { kind: 'rdata', rdata })
      }),
    )
  })
})

describe('rdata in text', () => {
  const same: readonly (readonly [string, string, string?])[] = [
    ['A', '192.0.2.1'],
    ['AAAA', '2001:DB8:0:0::1', '2001:db8::1'],
    ['NS', 'ns1', 'ns1.example.net.'],
    ['CNAME', '@', 'example.net.'],
    ['SOA', 'ns1 h.m. 1 1h 10m 2w 1m', 'ns1.example.net. h.m. 1 3600 600 1209600 60'],
    ['TXT', 'a "b c" \\100 "\\"\\\\;"', '"a" "b c" "d" "\\"\\\\;"'],
    ['CAA', '0 issue ca.example', '0 issue "ca.example"'],
    ['DNSKEY', '257 3 ED25519 AQ ID', '257 3 15 AQID'],
    ['DS', '1 ECDSAP256SHA256 9 ab cd', '1 13 9 ABCD'],
    ['LOC', '52 N 4 30 E 0', '52 0 0.000 N 4 30 0.000 E 0.00m 1m 10000m 10m'],
    ['CSYNC', '66 3 AAAA ns TYPE65280 A', '66 3 A NS AAAA TYPE65280'],
    ['HTTPS', '1 . port=443 alpn="h2,h3" mandatory=port', '1 . mandatory=port alpn="h2,h3" port=443'],
    ['SVCB', '0 b ohttp dohpath=/q{?dns}', '0 b.example.net. dohpath="/q{?dns}" ohttp'],
    ['SVCB', '1 . alpn=h2 no-default-alpn= port=53', '1 . alpn="h2" no-default-alpn port=53'],
    ['SVCB', '1 . alpn=h2 no-default-alpn="" port=53', '1 . alpn="h2" no-default-alpn port=53'],
    ['SVCB', '1 . key1=\\002h2 key65535=x', '1 . alpn="h2" key65535="x"'],
    ['SVCB', '1 . key3=\\001\\187', '1 . port=443'],
    [
      'DS',
      '1 8 SHA-1 2BB183AF5F22588179A53B0A98631FAD1A292118',
      '1 8 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
    ],
    ['APL', '', '\\# 0'],
    ['KEY', 'NOKEY DNSSEC 0', '49152 3 0'],
    [
      'RRSIG',
      'A 8 2 1h 1893456000 0 1 @ AQ==',
      'A 8 2 3600 20300101000000 19700101000000 1 example.net. AQ==',
    ],
    ['A', '\\# 4 c0 00 02 01', '192.0.2.1'],
    ['TYPE65280', '\\# 3 0a0b0c', '\\# 3 0A0B0C'],
    ['TYPE65280', '\\# 0'],
  ]
  for (const [mnemonic, text, canonical = text] of same) {
    test(`${mnemonic} ${text}`, () => {
      const type = parseType(mnemonic) ?? 0
      const parsed = parse(type, text)
      assert.ok(parsed.kind === 'rdata')
      assert.equal(formatRdata(type, parsed.rdata), canonical)
    })
  }
})

describe('a fault says what was expected, and where', () => {
  const wrong: readonly (readonly [string, string, number, string])[] = [
    ['A', '192.0.2.256', 0, 'expected an IPv4 address, found "192.0.2.256"'],
    ['A', '192.0.2.1 x', 1, 'expected the end of the record, found "x"'],
    ['AAAA', '', 0, 'expected an IPv6 address, found the end of the record'],
    ['MX', '70000 mail', 0, 'expected a preference, a number from 0 to 65535, found "70000"'],
    ['MX', '10 a..b', 1, '"a..b" has an empty label'],
    ['TXT', `"${'x'.repeat(256)}"`, 0, 'a string is longer than 255 octets: write several'],
    ['TXT', 'ok \\25', 1, '\\ needs three digits up to 255, or another character'],
    ['DS', '1 8 2 00', 3, 'a digest of this type has 32 octets, not 1'],
    ['SVCB', '1 . constructor=x', 2, 'expected a service parameter, found "constructor=x"'],
    ['SVCB', '1 . toString', 2, 'expected a service parameter, found "toString"'],
    [
      'SVCB',
      '1 . mandatory',
      2,
      'expected keys, each once, not mandatory itself for mandatory, found "mandatory"',
    ],
    [
      'SVCB',
      '1 . key6="2001:db8::1"',
      3,
      'expected octets that are IPv6 addresses for ipv6hint, found "2001:db8::1"',
    ],
    [
      'RRSIG',
      'A 8 2 60 20300231000000 0 1 @ AQ==',
      4,
      'expected the expiration as YYYYMMDDHHmmSS, or in seconds since 1970, found "20300231000000"',
    ],
    ['X25', '123', 0, 'expected a PSDN address of 4 digits or more, found "123"'],
    ['EUI48', '00-00-5e', 0, 'expected 6 octets in hex digits with hyphens between, found "00-00-5e"'],
    ['SVCB', '1 . alpn=h2 alpn=h3', 3, 'alpn stands here twice'],
    ['SVCB', '1 . mandatory=port', 2, 'port is mandatory and not there'],
    ['LOC', '91 N 0 E 0', 0, 'expected a latitude as degrees, minutes, seconds, found "91"'],
    ['A', '\\# 3 000000', 1, 'the octets are no rdata of this type'],
    ['TYPE65280', '\\# 3 0000', 1, 'the length says 3 octets, and 2 follow'],
    ['TYPE65280', 'x', 0, 'expected \\#, for this type has no notation of its own, found "x"'],
  ]
  for (const [mnemonic, text, index, message] of wrong) {
    test(`${mnemonic} ${text.slice(0, 40)}`, () => {
      assert.deepEqual(parse(parseType(mnemonic) ?? 0, text), { kind: 'fault', index, message })
    })
  }

  test('a relative name without an origin', () => {
    const parsed = parseRdata(TYPE.NS, tokensOf('ns1'))
    assert.deepEqual(parsed, {
      kind: 'fault',
      index: 0,
      message: '"ns1" is relative, and there is no origin',
    })
  })

  test('rdata over 65,535 octets', () => {
    const parsed = parse(TYPE.TXT, `${'x'.repeat(255)} `.repeat(257))
    assert.deepEqual(parsed, { kind: 'fault', index: 257, message: 'the rdata is longer than 65535 octets' })
  })
})

test('a LOC precision of nothing is written in one way, whatever power of ten it is multiplied with', () => {
  const octets = (precision: number) =>
    Uint8Array.of(0, precision, 0x16, 0x13, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0x98, 0x96, 0x80)
  assert.equal(formatRdata(TYPE.LOC, octets(0x02)), formatRdata(TYPE.LOC, octets(0x00)))
})

test('canonical rdata has folded names in lower case and strings as they are', () => {
  const mx = parse(TYPE.MX, '10 Mail')
  const hinfo = parse(TYPE.HINFO, 'PC Linux')
  assert.ok(mx.kind === 'rdata' && hinfo.kind === 'rdata')
  assert.equal(formatRdata(TYPE.MX, canonicalRdata(TYPE.MX, mx.rdata)), '10 mail.example.net.')
  assert.equal(formatRdata(TYPE.HINFO, canonicalRdata(TYPE.HINFO, hinfo.rdata)), '"PC" "Linux"')
})

test('malformed rdata of any type is shown in the generic form', () => {
  const ANY_OCTETS = ['OPENPGPKEY', 'NSAP', 'EID', 'NIMLOC', 'DHCID', 'HHIT', 'BRID']
  for (const mnemonic of Object.keys(FIELDS).filter(each => !ANY_OCTETS.includes(each))) {
    assert.equal(
      formatRdata(parseType(mnemonic) ?? 0, Uint8Array.of(200)),
      '\\# 1 C8',
      typeText(parseType(mnemonic) ?? 0),
    )
  }
})

function parse(type: number, text: string): ParsedRdata {
  return parseRdata(type, tokensOf(text), ORIGIN)
}

function tokensOf(text: string) {
  const scanner = new MasterScanner(Buffer.from(text, 'latin1'))
  scanner.next()
  return scanner.tokens
}
