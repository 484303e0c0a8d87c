/** Master files: whatever the text, rrsets that a zone can hold and faults inside the text, never a throw. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TYPE } from '../../src/wire/codes.ts'
import { Catalog } from '../../src/zone/catalog.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { faultLine } from '../../src/zone-file/zone-fault.ts'
import { checkZone } from '../../src/zone-file/zone-rules.ts'
import { nameOf, recordLines } from '../zone/zone-text.ts'
import { changedText, changes, fuzz } from './fuzz.ts'

const ORIGIN = nameOf('example.net.')
/** A hundred errors, a hundred warnings, and the two sentences that say that there are more. */
const MOST_FAULTS = 202

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the notation of $GENERATE
const ZONE = `$TTL 1h ; one hour
$ORIGIN example.net.
@ IN SOA ns1 hostmaster (
  2026010101 ; serial
  1h 10m 2w 1m )
  IN NS ns1
  3600 IN NS ns2.example.net.
ns1 A 192.0.2.1
    AAAA 2001:db8::1
ns2 60 A 192.0.2.2
mail MX 10 mx.example.org.
txt TXT "a string" another\\032word "\\"quoted\\"; no comment"
https HTTPS 1 . alpn="h2,h3" port=443 ipv4hint=192.0.2.1
here LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
other TYPE65280 \\# 3 0a0b0c
$GENERATE 1-9/2 h\${0,3,d} A 192.0.2.$
$GENERATE 0-15 \${0,1,x}.r PTR h\${0,3,d}.example.net.
*.wild CNAME txt
sub NS ns.sub
ns.sub A 192.0.2.3
`
const WORDS = [
  ...['a', '@', '.', 'IN', 'CH', '60', '1h', 'A', 'SOA', 'TXT', 'SVCB', '$TTL', '$ORIGIN', '$INCLUDE'],
  ...['$GENERATE', '1-3', 'h$', '${0,4,n}', '192.0.2.1', '::1', '\\#', '"', '(', ')', ';', '\\', '"x y"'],
  ...['constructor', '__proto__', 'CLASS1', 'TYPE1', 'TYPE65535', '4294967296', '9w9w'],
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the notation of $GENERATE
const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(...WORDS),
  fc.constantFrom(...WORDS),
)
const separator = fc.constantFrom(' ', '\n', '\t', '\n ', '')
const words = fc.array(fc.tuple(word, separator), { maxLength: 60 }).map(parts => parts.flat().join(''))
const changedZone = changes.map(list => changedText(ZONE, list))
/** A zone and a text that goes into it somewhere. */
const mixed = fc
  .tuple(words, fc.nat(ZONE.length))
  .map(([text, at]) => `${ZONE.slice(0, at)}${text}${ZONE.slice(at)}`)
const text = fc.oneof(words, changedZone, mixed).map(inOctets)

fuzz(
  'a text is read or refused, with faults on lines that it has, each in one line of words',
  fc.property(text, text => {
    const { faults } = read(text)
    const lines = text.split('\n').length
    assert.ok(faults.length <= MOST_FAULTS)
    for (const fault of faults) {
      assert.ok(fault.line >= 1 && fault.line <= lines && fault.column >= 1)
      assert.match(faultLine(fault), /^[^\n]+$/)
    }
  }),
)

fuzz(
  'what was read and written is read the same',
  fc.property(text, text => {
    const first = recordLines(read(text).rrsets)
    assert.deepEqual(recordLines(read(first.join('\n')).rrsets), first)
  }),
)

fuzz(
  'a zone without errors fits the table',
  fc.property(fc.oneof(changedZone, mixed).map(inOctets), text => {
    const { rrsets, faults } = read(text)
    const apex = rrsets.find(({ type }) => type === TYPE.SOA)?.owner ?? ORIGIN
    const judged = checkZone(apex, rrsets, { file: 'zone' })
    if ([...faults, ...judged.faults].some(({ severity }) => severity === 'error')) return
    new Catalog({ maxBytes: 1 << 20 }).putZone(apex, judged.rrsets)
  }),
)

fuzz(
  'octets of all values are read or refused',
  fc.property(fc.uint8Array({ maxLength: 400 }), text => void readMasterFile({ file: 'zone', text })),
)

fuzz(
  'files that include each other without end are read to an end',
  fc.property(
    fc.array(fc.constantFrom('$INCLUDE a', '$INCLUDE b x', 'h 60 A 192.0.2.1'), { maxLength: 4 }),
    lines => {
      const { faults } = readMasterFile({
        file: 'zone',
        text: linesOf(lines),
        origin: ORIGIN,
        readInclude: file => ({ file, text: linesOf(['$INCLUDE b', '$INCLUDE a', ...lines]) }),
      })
      assert.equal(
        faults.length > 0,
        lines.some(line => line.startsWith('$')),
      )
    },
  ),
)

/** A character an octet, so that lines can be counted here as there. */
function inOctets(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function linesOf(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}

function read(text: string) {
  return readMasterFile({ file: 'zone', text: Buffer.from(text, 'latin1'), origin: ORIGIN })
}
