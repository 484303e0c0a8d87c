import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { checkZoneFile } from '../../src/zone-file/file-report.ts'
import { faultLine } from '../../src/zone-file/zone-fault.ts'
import { loadZoneFile, loadZonesDirectory } from '../../src/zone-file/zone-file.ts'
import { faultLines, nameOf, recordLines } from '../zone/zone-text.ts'

const APEX = '$TTL 60\n@ SOA ns1 hostmaster 5 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'

let directory: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-zones-'))
  mkdirSync(join(directory, 'zones/parts'), { recursive: true })
  mkdirSync(join(directory, 'zones/twice'))
})
after(() => rmSync(directory, { recursive: true }))

describe('a zone file', () => {
  test('has the origin that its name says', () => {
    const zone = loadZoneFile(write('example.net.zone', APEX))
    assert.deepEqual(zone.apex, nameOf('example.net.'))
    assert.deepEqual(zone.faults, [])
    assert.equal(recordLines(zone.rrsets).length, 3)
  })

  test('has the origin that it says itself', () => {
    assert.deepEqual(
      loadZoneFile(write('other.zone', `$ORIGIN example.org.\n${APEX}`)).apex,
      nameOf('example.org.'),
    )
  })

  test('has the origin that the caller says', () => {
    const zone = loadZoneFile(write('other.zone', APEX), { origin: nameOf('example.com.') })
    assert.deepEqual(zone.apex, nameOf('example.com.'))
  })

  test('promises an apex even where its SOA is a mistake', () => {
    const zone = loadZoneFile(write('example.net.zone', APEX.replace(' 2 3 4 5', '')))
    assert.equal(zone.apex, undefined)
    assert.deepEqual(zone.expectedApex, nameOf('example.net.'))
    assert.equal(zone.faults.length, 1)
  })

  test('is checked as a zone where it reads well', () => {
    const zone = loadZoneFile(write('example.net.zone', '$TTL 60\na A 192.0.2.1\n'))
    assert.deepEqual(faultLines(zone.faults), [
      '0:0 error example.net. has no SOA',
      '0:0 error example.net. has no NS',
    ])
  })

  test('that is missing or a directory is a fault', () => {
    assert.deepEqual(faultLines(loadZoneFile(join(directory, 'gone.zone')).faults), [
      '0:0 error there is no such file',
    ])
    assert.deepEqual(faultLines(loadZoneFile(directory).faults), ['0:0 error is no regular file'])
  })
})

describe('a zone file that may leave records out', () => {
  const lenient = (text: string) => {
    const { faults, rrsets } = loadZoneFile(write('example.net.zone', text), { onError: 'skip-record' })
    return { faults: faultLines(faults), records: recordLines(rrsets).slice(3) }
  }

  test('is served without a record that has a mistake', () => {
    assert.deepEqual(lenient(`${APEX}a A 192.0.2.300\n TXT x\nb A 192.0.2.2\n`), {
      faults: ['5:5 skipped expected an IPv4 address, found "192.0.2.300"'],
      records: ['a.example.net. 60 TXT "x"', 'b.example.net. 60 A 192.0.2.2'],
    })
  })

  for (const [which, record] of [
    ['rdata', 'b 60 A 1.2.3.999'],
    ['type', 'b IN 60 AAA 1.2.3.4'],
    ['owner', 'b..b 60 A 1.2.3.4'],
    ['owner, on the line above,', 'b..b 7 A 1.2.3.4\n 60 A 1.2.3.4'],
    ['quotes', 'b 60 TXT "x'],
  ] as const)
    test(`takes for a record without TTL the one before it, though its ${which} had a mistake`, () => {
      const soa = '@ 3600 SOA ns1 hostmaster 5 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n'
      assert.deepEqual(lenient(`${soa}${record}\nc A 1.2.3.5\n`).records, ['c.example.net. 60 A 1.2.3.5'])
    })

  test('names each record whose owner stands on a line that is left out', () => {
    assert.deepEqual(lenient(`${APEX}a..b A 192.0.2.1\n TXT x\nb A 192.0.2.2\n`), {
      faults: [
        '5:1 skipped "a..b" has an empty label',
        '6:2 skipped its owner stands on a line that is left out',
      ],
      records: ['b.example.net. 60 A 192.0.2.2'],
    })
  })

  for (const [title, line, fault] of [
    ['a directive', '$ORIGIN a..b', '5:9 error "a..b" has an empty label'],
    ['a parenthesis without an end', 'a TXT ( x', '5:7 error ( has no )'],
  ]) {
    test(`is not served with a mistake in ${title}`, () => {
      assert.deepEqual(lenient(`${APEX}${line}\nb A 192.0.2.2\n`).faults, [fault])
    })
  }

  test('is not served without its SOA', () => {
    assert.deepEqual(lenient(APEX.replace(' 2 3 4 5', '')).faults, [
      '2:23 skipped expected refresh, seconds up to 4294967295 or as in 1h30m, found the end of the record',
      '0:0 error example.net. has no SOA',
    ])
  })
})

test('all mistakes of a file are listed, those between records too', () => {
  const zone = loadZoneFile(write('example.net.zone', `${APEX}a A x\nb A y\nc CNAME d\nc TXT x\n`))
  assert.deepEqual(faultLines(zone.faults), [
    '5:5 error expected an IPv4 address, found "x"',
    '6:5 error expected an IPv4 address, found "y"',
    '8:1 error c.example.net. TXT: stands beside a CNAME',
  ])
})

test('of two files for one zone the second has a fault that names both', () => {
  const first = write('twice/a.zone', `$ORIGIN example.net.\n${APEX}`)
  const second = write('twice/b.zone', `$ORIGIN Example.net.\n${APEX}`)
  assert.deepEqual(
    [...loadZonesDirectory(dirname(first))].map(({ faults }) => faults.map(faultLine)),
    [[], [`${second}: error: gives the zone example.net., and so does ${first}: a zone has one file`]],
  )
})

describe('$INCLUDE in a zone file', () => {
  test('reaches files beside it and below', () => {
    write('parts/hosts', 'a A 192.0.2.1\n')
    const zone = loadZoneFile(write('example.net.zone', `${APEX}$INCLUDE parts/hosts\n`))
    assert.deepEqual(zone.faults, [])
    assert.equal(recordLines(zone.rrsets).at(-1), 'a.example.net. 60 A 192.0.2.1')
  })

  test('reaches a file by its absolute path where it lies there', () => {
    const path = write('parts/absolute', 'b A 192.0.2.1\n')
    const zone = loadZoneFile(write('example.net.zone', `${APEX}$INCLUDE ${path}\n`))
    assert.deepEqual(zone.faults, [])
    assert.equal(recordLines(zone.rrsets).at(-1), 'b.example.net. 60 A 192.0.2.1')
  })

  test('has the last owner before it where the file begins with none', () => {
    write('parts/blank', ' TXT x\n')
    const zone = loadZoneFile(write('example.net.zone', `${APEX}$INCLUDE parts/blank other.\n TXT y\n`))
    assert.deepEqual(recordLines(zone.rrsets).slice(3), [
      'ns1.example.net. 60 TXT "x"',
      'ns1.example.net. 60 TXT "y"',
    ])
  })

  for (const path of ['../secret', 'parts/../../secret', 'link', '/etc/passwd']) {
    test(`does not reach ${path}`, () => {
      writeFileSync(join(directory, 'secret'), 'secret A 192.0.2.1\n')
      rmSync(join(directory, 'zones/link'), { force: true })
      symlinkSync('../secret', join(directory, 'zones/link'))
      const zone = loadZoneFile(write('example.net.zone', `${APEX}$INCLUDE ${path}\n`))
      assert.equal(zone.faults.length, 1)
      assert.equal(zone.faults[0]?.severity, 'error')
      assert.doesNotMatch(recordLines(zone.rrsets).join('\n'), /secret/)
    })
  }
})

test('a directory of zones is read in the order of the names, other files left out', () => {
  const zones = join(directory, 'all')
  mkdirSync(zones)
  for (const name of ['b.example.zone', 'a.example.zone', '.hidden.zone', 'a.example.zone~', 'notes.txt']) {
    writeFileSync(join(zones, name), APEX)
  }
  assert.deepEqual(
    [...loadZonesDirectory(zones)].map(({ apex }) => apex),
    [nameOf('a.example.'), nameOf('b.example.')],
  )
})

test('a directory that is missing is a fault', () => {
  assert.deepEqual(
    [...loadZonesDirectory(join(directory, 'none'))].map(({ faults }) => faultLines(faults)),
    [['0:0 error there is no such file']],
  )
})

describe('check-zone', () => {
  test('says apex, serial and counts', () => {
    const path = write('example.net.zone', APEX)
    const { apex, serial, records, lines } = checkZoneFile(path)
    assert.deepEqual({ apex, serial, records }, { apex: 'example.net.', serial: 5, records: 3 })
    assert.deepEqual(lines, [`${path}: zone example.net. serial 5, 3 records, 0 errors, 0 warnings`])
  })

  test('names file, line and column of a mistake', () => {
    const path = write('example.net.zone', `${APEX}a A 192.0.2.300\n`)
    assert.equal(
      checkZoneFile(path).lines[0],
      `${path}:5:5: error: expected an IPv4 address, found "192.0.2.300"`,
    )
  })
})

test('the zone that comes with the program has no fault', () => {
  const { apex, faults } = loadZoneFile(join(import.meta.dirname, '../../zones/freenet6.net.zone'))
  assert.deepEqual([apex, faults], [nameOf('freenet6.net.'), []])
})

function write(name: string, text: string): string {
  const path = join(directory, 'zones', name)
  writeFileSync(path, text)
  return path
}
