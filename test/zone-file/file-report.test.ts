import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { checkZoneFile } from '../../src/zone-file/file-report.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'
const LONG_LINE = 50_000_000
const JUNK = 300_000
/** A terminal's screen or two, whatever the file. */
const MAX_OUTPUT = 20_000

/** What an operator gets wrong: the file, and the line that says what and where. */
const MISTAKES: readonly (readonly [title: string, text: string | Uint8Array, says: string])[] = [
  ['no SOA', '$TTL 60\n@ NS ns.example.org.\n', 'zone: error: example.net. has no SOA'],
  ['no NS', '$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n', 'zone: error: example.net. has no NS'],
  [
    'two SOA',
    `${APEX}@ SOA ns1 hostmaster 2 2 3 4 5\n`,
    'zone:2:1: error: example.net. SOA: there are two or more, and a zone has one',
  ],
  [
    'a CNAME beside other data',
    `${APEX}a CNAME b\na TXT x\n`,
    'zone:6:1: error: a.example.net. TXT: stands beside a CNAME',
  ],
  [
    'a TTL that is none',
    `${APEX}a 1h30 A 192.0.2.1\n`,
    'zone:5:3: error: expected a TTL, a class or a record type, found "1h30"',
  ],
  ['an open parenthesis', `${APEX}a TXT ( x\nb TXT y\n`, 'zone:5:7: error: ( has no )'],
  [
    'an open quote',
    `${APEX}a TXT "x\nb TXT y\n`,
    'zone:5:7: error: the quoted string has no end on its line',
  ],
  [
    'an unknown type',
    `${APEX}a ADDR 192.0.2.1\n`,
    'zone:5:3: error: expected a TTL, a class or a record type, found "ADDR"',
  ],
  [
    'an $INCLUDE outside',
    `${APEX}$INCLUDE ../secret\n`,
    'zone:5:10: error: "../secret": lies outside the directory of the zone file',
  ],
  [
    'an $INCLUDE of itself',
    `${APEX}$INCLUDE zone\n`,
    'zone:5:10: error: $INCLUDE is nested more than 16 deep',
  ],
  [
    'a $GENERATE of a billion',
    `${APEX}$GENERATE 1-1000000000 h$ A 192.0.2.1\n`,
    'zone:5:11: error: $GENERATE makes more than 1000000 records',
  ],
  [
    'a line without end',
    Buffer.alloc(LONG_LINE, 'a.'),
    'zone:1:1: error: the word is longer than 262140 octets',
  ],
  [
    'binary junk',
    createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(JUNK)),
    'zone:1:8: error: expected a TTL, a class or a record type, found the end of the record',
  ],
  ['nothing in it', '', 'zone: error: example.net. has no SOA'],
]

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-check-'))
})
after(() => rmSync(directory, { recursive: true, force: true }))

describe('check-zone says where and what of a file with', () => {
  for (const [title, text, says] of MISTAKES) {
    test(title, () => {
      writeFileSync(join(directory, 'zone'), text)
      const lines = linesOf('zone', 'example.net')
      assert.ok(
        lines.some(line => line.endsWith(says)),
        `${lines.slice(0, 5).join('\n')}`,
      )
      assert.ok(lines.join('\n').length < MAX_OUTPUT)
    })
  }
})

describe('check-zone says why a file can not be read', () => {
  const reasons: readonly (readonly [name: string, reason: string])[] = [
    ['absent', 'there is no such file'],
    ['.', 'is no regular file'],
    ['endless', 'is no regular file'],
    ['loop', 'is a link that leads back to itself'],
    ['huge', 'is larger than 2 GiB'],
    ['x'.repeat(300), 'has too long a name'],
  ]
  before(() => {
    symlinkSync('loop', join(directory, 'loop'))
    symlinkSync('/dev/zero', join(directory, 'endless'))
    writeFileSync(join(directory, 'huge'), '')
    truncateSync(join(directory, 'huge'), 5e9) // a hole: it takes no room
  })
  for (const [name, reason] of reasons) {
    test(`${name.slice(0, 10)}: ${reason}`, () =>
      assert.deepEqual(linesOf(name)[0], `${name}: error: ${reason}`))
  }
})

/** What it prints, with names from the directory on. */
function linesOf(name: string, origin?: string): string[] {
  const { lines } = checkZoneFile(
    `${directory}/${name}`,
    origin === undefined ? {} : { origin: wireName(origin) },
  )
  return lines.map(line => line.replace(`${directory}/`, ''))
}
