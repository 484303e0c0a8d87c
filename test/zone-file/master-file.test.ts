import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { faultLines, nameOf, recordLines } from '../zone/zone-text.ts'

const ORIGIN = nameOf('example.net.')

describe('records', () => {
  test('class and TTL stand in either order or are left out', () => {
    const text = '$TTL 9\na IN 60 CNAME b\nc 60 IN CNAME b\nd IN CNAME b\ne 60 CNAME b\nf cname b\n'
    assert.deepEqual(records(text), [
      'a.example.net. 60 CNAME b.example.net.',
      'c.example.net. 60 CNAME b.example.net.',
      'd.example.net. 9 CNAME b.example.net.',
      'e.example.net. 60 CNAME b.example.net.',
      'f.example.net. 9 CNAME b.example.net.',
    ])
  })

  test('a line that starts blank has the owner of the record before', () => {
    assert.deepEqual(records('a 1 A 192.0.2.1\n  2 TXT x\n\n ; nothing\n\t3 AAAA ::1\n'), [
      'a.example.net. 1 A 192.0.2.1',
      'a.example.net. 2 TXT "x"',
      'a.example.net. 3 AAAA ::1',
    ])
  })

  test('the records of an owner and type are one rrset, letter case aside', () => {
    const { rrsets } = read('a 1 A 192.0.2.1\nb 1 A 192.0.2.1\nA 1 A 192.0.2.2\n')
    assert.deepEqual(
      rrsets.map(({ rdatas }) => rdatas.length),
      [2, 1],
    )
    assert.deepEqual(recordLines(rrsets).slice(0, 2), [
      'a.example.net. 1 A 192.0.2.1',
      'a.example.net. 1 A 192.0.2.2',
    ])
  })

  test('a record twice is one record, also where only the case of its names differs', () => {
    assert.deepEqual(records('a 1 MX 1 Mail\na 1 MX 1 mail\na 1 MX 2 mail\n'), [
      'a.example.net. 1 MX 1 Mail.example.net.',
      'a.example.net. 1 MX 2 mail.example.net.',
    ])
  })

  test('an rrset has one TTL, that of its first record, and the others are a warning', () => {
    const { rrsets, faults } = read('a 60 A 192.0.2.1\na 30 A 192.0.2.2\n')
    assert.deepEqual(
      rrsets.map(({ ttl }) => ttl),
      [60],
    )
    assert.deepEqual(faultLines(faults), [
      '2:1 warning TTL 30 differs from 60 of the A record before: that is taken',
    ])
  })

  test('a last line without its end is taken with a warning: the file may have been cut off there', () => {
    const { rrsets, faults } = read('a 60 A 192.0.2.1\nwww 60 A 192.0.2.1')
    assert.deepEqual(recordLines(rrsets).at(-1), 'www.example.net. 60 A 192.0.2.1')
    const warning = 'the last line has no end: has the file been cut off? If not, add a newline'
    assert.deepEqual(faultLines(faults), [`2:19 warning ${warning}`])
    assert.deepEqual(faultLines(read('a 60 A 192.0.2.1 ; the ad').faults), [`1:26 warning ${warning}`])
    for (const whole of ['', '\n', 'a 60 A 192.0.2.1\r\n', 'a 60 A 192.0.2.1\n; x\n'])
      assert.deepEqual(read(whole).faults, [], JSON.stringify(whole))
  })

  test('a label may hold any octet', () => {
    assert.deepEqual(records('a\\.b\\000\\032 1 A 192.0.2.1\n'), [
      'a\\.b\\000\\032.example.net. 1 A 192.0.2.1',
    ])
  })

  test('the byte order mark of an editor is a mistake, and no part of the first owner', () => {
    const { rrsets, faults } = read('\ufeffa 1 A 192.0.2.1\n')
    assert.deepEqual(faultLines(faults), ['1:1 error a byte order mark: save the file without'])
    assert.deepEqual(recordLines(rrsets), ['a.example.net. 1 A 192.0.2.1'])
  })

  test('a zone of many records keeps them all, in order', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `h${i} 1 A 10.0.${i >> 8}.${i & 255}`)
    assert.deepEqual(
      records(lines.join('\n')),
      lines.map(line => line.replace(' ', '.example.net. ')),
    )
  })
})

describe('directives', () => {
  test('$ORIGIN completes relative names, and may be relative itself', () => {
    assert.deepEqual(records('$ORIGIN sub\n@ 1 NS a\n$ORIGIN example.org.\nb 1 NS c.\n'), [
      'sub.example.net. 1 NS a.sub.example.net.',
      'b.example.org. 1 NS c.',
    ])
  })

  test('the origin given back is that at the first record', () => {
    const { origin } = readMasterFile({
      file: 'zone',
      text: '$ORIGIN example.org.\n@ 1 A 192.0.2.1\n$ORIGIN com.\n',
    })
    assert.deepEqual(origin, nameOf('example.org.'))
  })

  test('$TTL holds until the next one', () => {
    assert.deepEqual(records('$TTL 1h30m\na A 192.0.2.1\n$TTL 2\nb A 192.0.2.1\n'), [
      'a.example.net. 5400 A 192.0.2.1',
      'b.example.net. 2 A 192.0.2.1',
    ])
  })

  test('without $TTL a record takes the TTL before it, with one warning', () => {
    const { rrsets, faults } = read('a 7 A 192.0.2.1\nb A 192.0.2.1\nc A 192.0.2.1\n')
    assert.deepEqual(
      rrsets.map(({ ttl }) => ttl),
      [7, 7, 7],
    )
    assert.deepEqual(faultLines(faults), [
      '2:1 warning there is no TTL and no $TTL: that of the record before is taken',
    ])
  })

  test('$GENERATE makes a record of each number', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the notation of $GENERATE
    const text = '$GENERATE 1-5/2 h$ 60 A 192.0.2.$\n$GENERATE 10-11 ${-10,3,x} 60 MX "5 m$"\n'
    assert.deepEqual(records(text), [
      'h1.example.net. 60 A 192.0.2.1',
      'h3.example.net. 60 A 192.0.2.3',
      'h5.example.net. 60 A 192.0.2.5',
      '000.example.net. 60 MX 5 m10.example.net.',
      '001.example.net. 60 MX 5 m11.example.net.',
    ])
  })

  test('$GENERATE is bounded', () => {
    const { rrsets, faults } = read('$GENERATE 0-2147483647 a$ 1 A 192.0.2.1\n')
    assert.equal(rrsets.length, 0)
    assert.deepEqual(faultLines(faults), ['1:11 error $GENERATE makes more than 1000000 records'])
  })
})

describe('$INCLUDE', () => {
  const files: Readonly<Record<string, string>> = {
    plain: 'x A 192.0.2.7\n$ORIGIN other.\n$TTL 99\n',
    self: '$INCLUDE self\n',
    wrong: 'y A 192.0.2.8\n  A nonsense\n',
  }
  const readInclude = (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error('there is no such file')
    return { file: `dir/${path}`, text }
  }
  const readWith = (text: string) => readMasterFile({ file: 'zone', text, origin: ORIGIN, readInclude })

  test('brings in records, and origin and owner stay', () => {
    const { rrsets, faults } = readWith(
      '$TTL 1\na A 192.0.2.1\n$INCLUDE plain sub ; note\n  TXT z\n$INCLUDE plain\n',
    )
    assert.deepEqual(faults, [])
    assert.deepEqual(recordLines(rrsets), [
      'a.example.net. 1 A 192.0.2.1',
      'x.sub.example.net. 1 A 192.0.2.7',
      'a.example.net. 99 TXT "z"',
      'x.example.net. 99 A 192.0.2.7',
    ])
  })

  test('a fault in an included file names that file', () => {
    const { faults, rrsets, places } = readWith('$TTL 1\na A 192.0.2.1\n$INCLUDE wrong\n')
    assert.deepEqual(
      faults.map(({ file, line, column }) => ({ file, line, column })),
      [{ file: 'dir/wrong', line: 2, column: 5 }],
    )
    assert.deepEqual(
      rrsets.map((_, index) => places.at(index)?.file),
      ['zone', 'dir/wrong'],
    )
  })

  test('files that include themselves come to an end', () => {
    const { faults } = readWith('$INCLUDE self\n')
    assert.deepEqual(faultLines(faults), ['1:10 error $INCLUDE is nested more than 16 deep'])
  })

  test('a file that is missing is a fault', () => {
    assert.deepEqual(faultLines(readWith('$INCLUDE gone\n').faults), [
      '1:10 error "gone": there is no such file',
    ])
  })

  test('is refused where nothing can be included', () => {
    assert.deepEqual(faultLines(read('$INCLUDE plain\n').faults), ['1:10 error $INCLUDE is not allowed here'])
  })
})

describe('faults', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['a 60 A 192.0.2.256', '1:8 error expected an IPv4 address, found "192.0.2.256"'],
    ['a 60 CH TXT x', '1:6 error expected class IN, the only one served, found "CH"'],
    ['a 60 IN AAA ::1', '1:9 error expected a TTL, a class or a record type, found "AAA"'],
    ['a 60 \0A 192.0.2.1', '1:6 error expected a TTL, a class or a record type, found "\\000A"'],
    ['a 60 aaaa1 ::1', '1:6 error expected a TTL, a class or a record type, found "aaaa1"'],
    ['a 60 "A" 192.0.2.1', '1:6 error expected a TTL, a class or a record type, found "A"'],
    ['a 60 IN', '1:8 error expected a TTL, a class or a record type, found the end of the record'],
    ['a 60 ANY x', '1:6 error expected a type that a zone can hold, found "ANY"'],
    ['a 4294967295 A 192.0.2.1', '1:3 warning a TTL of more than 2147483647 seconds counts as 0'],
    ['a A 192.0.2.1', '1:14 error there is no TTL: write one, or $TTL above'],
    ['  60 A 192.0.2.1', '1:3 error the first record has no owner'],
    ['a 60 TXT (\n  "x"\n', '1:10 error ( has no )'],
    ['a 60 TXT x )', '1:12 error ) has no ('],
    ['a 60 TXT "x\n', '1:10 error the quoted string has no end on its line'],
    ['a 60 TXT ( x\n  "yy" \\9 )', '2:8 error \\ needs three digits up to 255, or another character'],
    ['a..b 60 A 192.0.2.1', '1:1 error "a..b" has an empty label'],
    ['a 60 A "\x1b[31m"', '1:8 error expected an IPv4 address, found "\\027[31m"'],
    ['\x1b[31m..b 60 A 192.0.2.1', '1:1 error "\\027[31m..b" has an empty label'],
    [`${'a.'.repeat(30)}.b 60 A 192.0.2.1`, `1:1 error "${'a.'.repeat(20)}…" has an empty label`],
    ['$TTL soon', '1:6 error expected a TTL, found "soon"'],
    ['$ORIGIN', '1:8 error expected a name, found the end of the record'],
    ['$INCLUED x', '1:1 error expected $ORIGIN, $TTL, $INCLUDE or $GENERATE, found "$INCLUED"'],
    ['$GENERATE 3-1 a$ 60 A 192.0.2.$', '1:11 error expected a range as in 1-10 or 0-100/2, found "3-1"'],
  ]
  for (const [text, expected] of wrong) {
    test(JSON.stringify(text), () => assert.deepEqual(faultLines(read(`${text}\n`).faults), [expected]))
  }

  test('a relative name without an origin', () => {
    const { faults } = readMasterFile({ file: 'zone', text: 'a 60 A 192.0.2.1\n' })
    assert.deepEqual(faultLines(faults), ['1:1 error "a" is relative, and there is no origin'])
  })

  test('reading goes on behind a fault, and what hangs on a bad owner is passed over', () => {
    const { rrsets, faults } = read(
      'a 1 A x\n  1 TXT y\nb..c 1 A 192.0.2.1\n  1 TXT z\nd 1 TXT "\n  1 TXT w\n',
    )
    assert.deepEqual(recordLines(rrsets), ['a.example.net. 1 TXT "y"', 'd.example.net. 1 TXT "w"'])
    assert.deepEqual(
      faults.map(({ line }) => line),
      [1, 3, 5],
    )
  })

  test('a word that no rdata holds is a mistake, however long it is', () => {
    const word = 'x'.repeat(300_000)
    assert.deepEqual(faultLines(read(`${word} 60 A 192.0.2.1\na 60 TXT "${word}"\na 60 ${word}\n`).faults), [
      '1:1 error the word is longer than 262140 octets',
      '2:10 error the word is longer than 262140 octets',
      '3:6 error the word is longer than 262140 octets',
    ])
  })

  test('a file full of mistakes is given up', () => {
    const { faults } = read('nonsense\n'.repeat(1000))
    assert.equal(faults.length, 101)
    assert.equal(faults.at(-1)?.message, 'more than 100 mistakes: no more are looked for')
  })
})

function read(text: string) {
  return readMasterFile({ file: 'zone', text, origin: ORIGIN })
}

/** The records of a text without errors. */
function records(text: string): string[] {
  const { rrsets, faults } = read(text)
  assert.deepEqual(faultLines(faults.filter(({ severity }) => severity === 'error')), [])
  return recordLines(rrsets)
}
