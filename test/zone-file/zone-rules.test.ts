import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { checkZone } from '../../src/zone-file/zone-rules.ts'
import { faultLines, nameOf, recordLines } from '../zone/zone-text.ts'

const APEX = nameOf('example.net.')
const SOA = '@ SOA ns1 hostmaster 1 2 3 4 5\n'
const HEAD = `${SOA}@ NS ns1\nns1 A 192.0.2.1\n`

describe('a zone', () => {
  const cases: readonly (readonly [title: string, text: string, faults: readonly string[]])[] = [
    ['with SOA, NS and glue is fine', HEAD, []],
    ['without SOA', '@ NS ns.example.org.\n', ['0:0 error example.net. has no SOA']],
    ['without NS', SOA, ['0:0 error example.net. has no NS']],
    [
      'with two SOA',
      `${HEAD}@ SOA ns1 hostmaster 2 2 3 4 5\n`,
      ['1:1 error example.net. SOA: there are two or more, and a zone has one'],
    ],
    [
      'with a SOA below its apex',
      `${HEAD}sub SOA ns1 hostmaster 2 2 3 4 5\n`,
      ['4:1 error sub.example.net. SOA: stands below the apex example.net.'],
    ],
    [
      'with data outside',
      `${HEAD}example.org. A 192.0.2.1\n`,
      ['4:1 warning example.org. A: is left out: it lies outside the zone example.net.'],
    ],
    [
      'whose name another one ends with',
      `${HEAD}badexample.net. A 192.0.2.1\n`,
      ['4:1 warning badexample.net. A: is left out: it lies outside the zone example.net.'],
    ],
    [
      'with a CNAME beside other data',
      `${HEAD}a CNAME b\nA TXT x\n`,
      ['5:1 error A.example.net. TXT: stands beside a CNAME'],
    ],
    [
      'with two CNAMEs at a name',
      `${HEAD}a CNAME b\na CNAME c\n`,
      ['4:1 error a.example.net. CNAME: there are two or more, and a name has one'],
    ],
    ['with a CNAME beside NSEC', `${HEAD}a CNAME b\na TYPE47 \\# 4 00000180\n`, []],
    [
      'with two DNAMEs at a name',
      `${HEAD}a DNAME b\na DNAME c\n`,
      ['4:1 error a.example.net. DNAME: there are two or more, and a name has one'],
    ],
    [
      'with a DNAME beside a CNAME',
      `${HEAD}a CNAME b\na DNAME c\n`,
      ['5:1 error a.example.net. DNAME: stands beside a CNAME'],
    ],
    ['with a DNAME beside other data', `${HEAD}a DNAME b\na TXT x\n`, []],
    [
      'with data below a DNAME',
      `${HEAD}a DNAME b\nx.y.A TXT x\n`,
      ['5:1 error x.y.A.example.net. TXT: lies below a DNAME'],
    ],
    [
      'with a DNAME above its apex',
      `${HEAD}net. DNAME foo.example.\n`,
      ['4:1 warning net. DNAME: is left out: it lies outside the zone example.net.'],
    ],
    [
      'with a server that has no address',
      `${HEAD}@ NS ns2\n`,
      ['2:1 warning example.net. NS: ns2.example.net. has no address in the zone'],
    ],
    [
      'with a delegation without glue',
      `${HEAD}sub NS ns.sub\n`,
      ['4:1 warning sub.example.net. NS: ns.sub.example.net. has no address in the zone'],
    ],
    [
      'with its own server below a DNAME',
      `${HEAD}@ NS ns.a\na DNAME b\n`,
      ['2:1 error example.net. NS: ns.a.example.net. lies below a DNAME'],
    ],
    [
      'with the server of a cut below a DNAME',
      `${HEAD}sub NS ns.a\na DNAME b\n`,
      ['4:1 warning sub.example.net. NS: ns.a.example.net. has no address in the zone'],
    ],
    ['with a DNAME beside the NS of a cut', `${HEAD}sub NS ns1\nsub DNAME b\n`, []],
    [
      'with an @ in its mailbox',
      `@ SOA ns1 host@example.org 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n`,
      [
        '1:1 warning example.net. SOA: the mailbox has an @: it is written with a dot, as in hostmaster.example.net.',
      ],
    ],
    [
      'with signatures',
      `${HEAD}@ RRSIG A 8 2 60 1 0 1 @ AQ==\n`,
      [
        '4:1 warning example.net. RRSIG: the zone is signed, and its signatures are answered only where they are asked for',
      ],
    ],
    ['with a server outside', `${HEAD}@ NS ns.example.org.\n`, []],
    ['with glue in another letter case', `${SOA}@ NS NS1\nns1 AAAA ::1\n`, []],
    [
      'with a server that is an alias',
      `${HEAD}@ NS ns2\nns2 CNAME ns1\n`,
      ['2:1 warning example.net. NS: ns2.example.net. is a CNAME'],
    ],
    [
      'with a mail server that is an alias',
      `${HEAD}@ MX 5 mail\nmail CNAME ns1\n`,
      ['4:1 warning example.net. MX: mail.example.net. is a CNAME'],
    ],
  ]
  for (const [title, text, faults] of cases) {
    test(title, () => {
      const { rrsets, places } = read(text)
      assert.deepEqual(faultLines(checkZone(APEX, rrsets, { file: 'zone', places }).faults), faults)
    })
  }

  test('with an rrset that fits no message', () => {
    const generate = (last: number) => read(`${HEAD}$GENERATE 0-${last} a TXT $\n`).rrsets
    assert.deepEqual(faultLines(checkZone(APEX, generate(9999), { file: 'zone' }).faults), [
      '0:0 warning a.example.net. TXT: is never answered: it fits no message',
    ])
    assert.deepEqual(faultLines(checkZone(APEX, generate(65_535), { file: 'zone' }).faults), [
      '0:0 error a.example.net. TXT: there are 65536 records, and no message holds them',
    ])
  })

  test('without places has its faults on line 0 of the file', () => {
    const { rrsets } = read(`${HEAD}example.org. A 192.0.2.1\n`)
    const [fault] = checkZone(APEX, rrsets, { file: 'zone' }).faults
    assert.deepEqual([fault?.file, fault?.line, fault?.column], ['zone', 0, 0])
  })

  test('that may leave records out is served without what breaks a rule', () => {
    const { rrsets, places } = read(`${HEAD}a CNAME b\na TXT x\nexample.org. A 192.0.2.1\n`)
    const judged = checkZone(APEX, rrsets, { file: 'zone', places, onError: 'skip-record' })
    assert.deepEqual(faultLines(judged.faults), [
      '5:1 skipped a.example.net. TXT: stands beside a CNAME',
      '6:1 warning example.org. A: is left out: it lies outside the zone example.net.',
    ])
    assert.deepEqual(recordLines(judged.rrsets).slice(3), ['a.example.net. 60 CNAME b.example.net.'])
  })

  test('is served without NSEC3 and their signatures: a hash is no name of the zone', () => {
    const hash = '2t7b4g4vsa5smi47k61mv5bv1a22bojr'
    const { rrsets } = read(
      `${HEAD}${hash} NSEC3 1 0 0 - ${hash} A\n${hash} RRSIG NSEC3 8 3 60 1 0 1 @ AQ==\nns1 RRSIG A 8 3 60 1 0 1 @ AQ==\n`,
    )
    const judged = checkZone(APEX, rrsets, { file: 'zone' })
    assert.deepEqual(judged.faults, [])
    assert.deepEqual(
      judged.rrsets.map(({ type }) => type),
      [TYPE.SOA, TYPE.NS, TYPE.A, TYPE.RRSIG],
    )
  })

  test('of the root is fine', () => {
    const { rrsets } = readMasterFile({ file: 'zone', text: `$TTL 1\n${HEAD}`, origin: nameOf('.') })
    assert.deepEqual(checkZone(nameOf('.'), rrsets, { file: 'zone' }).faults, [])
  })
})

/** The TTL stands on no line of its own, so that the lines of a case count from 1. */
function read(text: string) {
  return readMasterFile({ file: 'zone', text: text.replaceAll(/^([^$\s]+|\$.* a)/gm, '$1 60'), origin: APEX })
}
