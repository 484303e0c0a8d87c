/** Names and rdata, as octets and as text: read or refused, never a throw, and what was written reads back. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { writeName } from '../../src/text/name-text.ts'
import { canonicalRdata, formatRdata, type ParsedRdata, parseRdata } from '../../src/text/rdata.ts'
import { parseType, TYPE } from '../../src/wire/codes.ts'
import { HEADER_LENGTH, skipName, skipQuestionName } from '../../src/wire/message.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { OctetWriter } from '../../src/wire/octet-writer.ts'
import { MasterScanner } from '../../src/zone-file/master-scanner.ts'
import { FIELDS, rdataOf } from '../text/any-rdata.ts'
import { CountedOctets } from './counted-octets.ts'
import { changed, changedText, changes, fuzz } from './fuzz.ts'
import { hostileMessage } from './hostile-message.ts'

const ORIGIN = parseName('example.net.') ?? Uint8Array.of(0)
/** 127 labels, 16 pointers of three looks, and those that are refused. */
const LOOKS_A_NAME = 200

const type = fc.constantFrom(...Object.values(TYPE))
/** A type and rdata that are well formed for it. */
const typed = fc.constantFrom(...Object.keys(FIELDS)).chain(mnemonic =>
  fc.record({
    type: fc.constant(parseType(mnemonic) ?? 0),
    rdata: rdataOf(FIELDS[mnemonic] ?? []),
  }),
)
const word = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[0-9a-zNSEWm=,."\\#:]{1,12}$/),
  fc.constantFrom(
    '\\#',
    '0',
    '1',
    '.',
    '@',
    'alpn=h2',
    'mandatory=',
    'key7="',
    '::',
    '1.2.3.4',
    'N',
    'E',
    '00',
  ),
  fc.constantFrom('constructor', '__proto__=x', 'toString', 'mandatory=valueOf', 'hasOwnProperty='),
)

fuzz(
  'a name in a message is stepped over within it or refused, in few looks',
  fc.property(hostileMessage, fc.nat(0xffff), (message, where) => {
    const at = HEADER_LENGTH + (where % (message.length + 1))
    for (const skip of [skipName, skipQuestionName]) {
      const counted = new CountedOctets(message)
      const behind = skip(counted.octets, message.length, at)
      assert.ok(behind === 0 || (behind > at && behind <= message.length))
      assert.ok(counted.reads <= LOOKS_A_NAME, `${counted.reads} looks at a name`)
    }
  }),
)

fuzz(
  'any octets have a text, which reads back unless they make no sense for the type',
  fc.property(type, fc.uint8Array({ maxLength: 80 }), assertShown),
)

fuzz(
  'rdata with octets changed have a text too',
  fc.property(typed, changes, ({ type, rdata }, list) => assertShown(type, changed(rdata, list))),
)

function assertShown(type: number, rdata: Uint8Array): void {
  const text = formatRdata(type, rdata)
  canonicalRdata(type, rdata)
  if (text.startsWith('\\#')) return
  const parsed = parse(type, text)
  assert.ok(parsed.kind === 'rdata')
  assert.equal(formatRdata(type, parsed.rdata), text)
}

fuzz(
  'any text is read or refused, with a message and the index of a token',
  fc.property(type, fc.array(word, { maxLength: 9 }), (type, words) => assertRead(type, words.join(' '))),
)

fuzz(
  'rdata in text with characters changed are read or refused',
  fc.property(typed, changes, ({ type, rdata }, list) =>
    assertRead(type, changedText(formatRdata(type, rdata), list)),
  ),
)

function assertRead(type: number, text: string): void {
  const tokens = tokensOf(text)
  const parsed = parseRdata(type, tokens, ORIGIN)
  if (parsed.kind === 'fault') {
    assert.ok(parsed.message !== '' && parsed.index >= 0 && parsed.index <= tokens.count)
    return
  }
  const shown = formatRdata(type, parsed.rdata)
  assert.deepEqual(parse(type, shown), parsed, shown)
}

const nameText = fc
  .array(
    fc.oneof(fc.constantFrom('a', 'B', '.', '\\.', '\\', '\\065', '\\256', '\\0', '@', '*', '-'), word),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''))
const longNameText = fc
  .array(fc.constantFrom('x'.repeat(62), 'x'.repeat(63), 'x'.repeat(64), 'y', '\\000'), { maxLength: 130 })
  .map(labels => labels.join('.'))

fuzz(
  'a name’s text is read or refused, by both readers alike, and is written so that it reads back',
  fc.property(fc.oneof(nameText, longNameText), text => {
    const name = parseName(text, ORIGIN)
    if (name !== undefined) assert.deepEqual(parseName(formatName(name)), name)
    const tokens = tokensOf(text)
    if (tokens.count !== 1 || tokens.text() !== text || tokens.isQuoted) return
    tokens.origin = ORIGIN
    const out = new OctetWriter()
    assert.equal(writeName(tokens, out), name !== undefined)
    if (name !== undefined) assert.deepEqual(out.copy(), Uint8Array.from(name))
  }),
)

function parse(type: number, text: string): ParsedRdata {
  return parseRdata(type, tokensOf(text), ORIGIN)
}

function tokensOf(text: string) {
  const scanner = new MasterScanner(Buffer.from(text, 'latin1'))
  scanner.next()
  return scanner.tokens
}
