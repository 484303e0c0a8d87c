import type { Pausing } from '../shared/in-turns.ts'
import { writeName } from '../text/name-text.ts'
import { writeRdata } from '../text/rdata.ts'
import { shown, type TokenLine } from '../text/token-line.ts'
import { TYPE, typeText } from '../wire/codes.ts'
import { OctetWriter } from '../wire/octet-writer.ts'
import { expandTemplate, generateCount, parseGenerateRange } from './generate.ts'
import { MasterScanner, type ScanFault } from './master-scanner.ts'
import { OctetArena } from './octet-arena.ts'
import { PlaceList } from './place-list.ts'
import { type RecordHead, readRecordHead, readTtl, readTtlAndClass } from './record-head.ts'
import { RrsetCollector } from './rrset-collector.ts'
import { TtlRule } from './ttl-rule.ts'
import { FaultList, type OnError, type ZonePlace } from './zone-fault.ts'

/** A text and the name by which its mistakes are reported. */
export interface NamedText {
  readonly file: string
  /** Octets as the file has them; a string stands for its UTF-8 octets. */
  readonly text: string | Uint8Array
}

/** Finds the file of an `$INCLUDE` in `from`; throws an Error that says why not. */
export type ReadInclude = (path: string, from: string) => NamedText

const MAX_INCLUDE_DEPTH = 16
const MAX_INCLUDES = 1000
const MAX_GENERATED = 1_000_000
const MAX_NAME_TEXT = 512
const DOLLAR = 0x24
const BROKEN_OFF = 'the last line has no end: has the file been cut off? If not, add a newline'
/** Records between two pauses: some milliseconds. */
const RECORDS_A_PAUSE = 2000

/** One file that is being read. An included file has its own origin and owner (RFC 1035 5.1). */
interface Scope {
  readonly file: string
  readonly scanner: MasterScanner
  readonly depth: number
  origin: Uint8Array | undefined
  /** Of the last record. */
  owner: Uint8Array | undefined
  /** The last owner was a mistake, reported already: records without an owner of their own are passed over. */
  isOwnerBad: boolean
}

const NEW_SCOPE = { depth: 0, owner: undefined, isOwnerBad: false } as const

/** Reads a master file record by record; what it found stands in its fields. */
export class MasterReader {
  readonly collector = new RrsetCollector()
  readonly faults: FaultList
  readonly places = new PlaceList()
  /** The origin at the first record. */
  origin: Uint8Array | undefined
  readonly #readInclude: ReadInclude | undefined
  readonly #arena = new OctetArena()
  readonly #name = new OctetWriter(MAX_NAME_TEXT)
  readonly #rdata = new OctetWriter()
  readonly #ttls = new TtlRule()
  #includes = 0
  #generated = 0
  #records = 0

  constructor(readInclude: ReadInclude | undefined, onError: OnError) {
    this.#readInclude = readInclude
    this.faults = new FaultList(onError)
  }

  *read({ file, text }: NamedText, origin: Uint8Array | undefined): Pausing<void> {
    yield* this.#readScope({ ...NEW_SCOPE, file, scanner: new MasterScanner(octetsOf(text)), origin })
  }

  *#readScope(scope: Scope): Pausing<void> {
    const { scanner } = scope
    while (scanner.next()) {
      if (this.faults.isFull) return
      if (++this.#records % RECORDS_A_PAUSE === 0) yield
      scanner.tokens.origin = scope.origin
      if (scanner.fault !== undefined) this.#passOver(scope, scanner.fault)
      else if (!(yield* this.#readEntry(scope))) this.#refuse(scope)
      else if (scanner.tokens.warning !== '') this.faults.warning(warnedPlace(scope), scanner.tokens.warning)
    }
    this.origin ??= scope.origin
    // What is left of a record can be another one: 192.0.2.10 without its last octet is an address too.
    if (scanner.brokenOff !== undefined)
      this.faults.warning({ file: scope.file, ...scanner.brokenOff }, BROKEN_OFF)
  }

  /** A record that can't be cut into tokens still says whose the next records are, and what TTL they have. */
  #passOver(scope: Scope, { line, column, message, spoils }: ScanFault): void {
    const { startsBlank, tokens } = scope.scanner
    const place = { file: scope.file, line, column }
    if (spoils === 'file' || startsWithDirective(tokens)) this.faults.error(place, message)
    else this.faults.recordError(place, message)
    if (startsWithDirective(tokens)) return
    if (!startsBlank && tokens.hasMore) this.#readOwner(scope)
    this.#noteTtl(scope)
  }

  /** A directive says what the records below mean: without it they would be others. */
  #refuse(scope: Scope): void {
    const { tokens } = scope.scanner
    if (startsWithDirective(tokens)) {
      this.faults.error(placeOf(scope), tokens.message)
      return
    }
    this.faults.recordError(placeOf(scope), tokens.message)
    this.#noteTtl(scope)
  }

  /** RFC 1035 5.1: "Omitted class and TTL values are default to the last explicitly stated values", left out or not. */
  #noteTtl({ scanner: { startsBlank, tokens } }: Scope): void {
    tokens.index = startsBlank ? 0 : 1
    this.#ttls.note(readTtlAndClass(tokens))
  }

  *#readEntry(scope: Scope): Pausing<boolean> {
    return isDirective(scope.scanner.tokens) ? yield* this.#readDirective(scope) : this.#readRecord(scope)
  }

  #readRecord(scope: Scope): boolean {
    const { tokens } = scope.scanner
    this.origin ??= scope.origin
    if (!scope.scanner.startsBlank && !this.#readOwner(scope)) return false
    if (scope.isOwnerBad) return this.#skipOwnerless(scope)
    if (scope.owner === undefined) return tokens.refuse('the first record has no owner')
    const head = readRecordHead(tokens)
    return (
      head !== undefined && writeRdata(head.type, tokens, this.#rdata) && this.#add(scope, scope.owner, head)
    )
  }

  /** The mistake in the owner has been reported; who leaves records out has to name this one too. */
  #skipOwnerless(scope: Scope): boolean {
    if (this.faults.skipsRecords)
      this.faults.recordError(recordPlace(scope), 'its owner stands on a line that is left out')
    this.#noteTtl(scope)
    return true
  }

  #readOwner(scope: Scope): boolean {
    scope.owner = this.#readName(scope.scanner.tokens)
    scope.isOwnerBad = scope.owner === undefined
    return !scope.isOwnerBad
  }

  /** Adds the record whose rdata has just been written. */
  #add(scope: Scope, owner: Uint8Array, head: RecordHead): boolean {
    const { ttl, warning } = this.#ttls.of(head, this.#rdata.octets, this.#rdata.length)
    if (warning !== undefined) this.faults.warning(recordPlace(scope), warning)
    if (ttl === undefined) return scope.scanner.tokens.refuse('there is no TTL: write one, or $TTL above')
    const rdata = this.#arena.keep(this.#rdata.octets, this.#rdata.length)
    const added = this.collector.add(owner, head.type, { ttl, rdata })
    if (added.isNew) this.places.add(scope.file, scope.scanner.tokens.line)
    // RFC 2181 5.2: the records of an rrset share one TTL. Like BIND we hold to the first.
    if (added.ttl !== ttl && !isSignature(head.type)) {
      const message = `TTL ${ttl} differs from ${added.ttl} of the ${typeText(head.type)} record before: that is taken`
      this.faults.warning(recordPlace(scope), message)
    }
    return true
  }

  *#readDirective(scope: Scope): Pausing<boolean> {
    const { tokens } = scope.scanner
    const directive = tokens.text().toUpperCase()
    tokens.index++
    switch (directive) {
      case '$ORIGIN':
        return this.#readOrigin(scope) && isAtEnd(tokens)
      case '$TTL':
        return this.#readDefaultTtl(tokens) && isAtEnd(tokens)
      case '$INCLUDE':
        return yield* this.#include(scope)
      case '$GENERATE':
        return yield* this.#generate(scope)
      default:
        tokens.index = 0
        return tokens.expected('$ORIGIN, $TTL, $INCLUDE or $GENERATE')
    }
  }

  #readOrigin(scope: Scope): boolean {
    const origin = this.#readName(scope.scanner.tokens)
    if (origin === undefined) return false
    scope.origin = origin
    return true
  }

  #readDefaultTtl(tokens: TokenLine): boolean {
    const ttl = readTtl(tokens)
    if (ttl === undefined) return tokens.expected('a TTL')
    tokens.index++
    this.#ttls.default = ttl
    return true
  }

  /** `$INCLUDE file [origin]`: the origin and the owner here stay what they were (RFC 1035 5.1). */
  *#include(scope: Scope): Pausing<boolean> {
    const { file, origin, depth } = scope
    const { tokens } = scope.scanner
    const path = tokens.text()
    if (path === '') return tokens.expected('a file name')
    if (depth === MAX_INCLUDE_DEPTH)
      return tokens.refuse(`$INCLUDE is nested more than ${MAX_INCLUDE_DEPTH} deep`)
    if (this.#includes++ === MAX_INCLUDES)
      return tokens.refuse(`there are more than ${MAX_INCLUDES} $INCLUDE`)
    const included = this.#openInclude(tokens, path, file)
    if (included === undefined) return false
    tokens.index++
    const innerOrigin = tokens.hasMore ? this.#readName(tokens) : origin
    if (tokens.message !== '' || !isAtEnd(tokens)) return false
    const scanner = new MasterScanner(octetsOf(included.text))
    // Like BIND and nsd: a blank owner at the start there is the last one here.
    yield* this.#readScope({ ...scope, file: included.file, scanner, origin: innerOrigin, depth: depth + 1 })
    return true
  }

  #openInclude(tokens: TokenLine, path: string, from: string): NamedText | undefined {
    if (this.#readInclude === undefined) tokens.refuse('$INCLUDE is not allowed here')
    else {
      try {
        return this.#readInclude(path, from)
      } catch (error) {
        tokens.refuse(`${tokens.shown()}: ${error instanceof Error ? error.message : 'can not be read'}`)
      }
    }
    return undefined
  }

  /** `$GENERATE range owner [TTL] [class] type rdata`: a record for each number, from two templates. */
  *#generate(scope: Scope): Pausing<boolean> {
    const { tokens } = scope.scanner
    const range = parseGenerateRange(tokens.text())
    if (range === undefined) return tokens.expected('a range as in 1-10 or 0-100/2')
    this.#generated += generateCount(range)
    if (this.#generated > MAX_GENERATED)
      return tokens.refuse(`$GENERATE makes more than ${MAX_GENERATED} records`)
    tokens.index++
    const owner = tokens.text()
    if (owner === '') return tokens.expected('an owner')
    tokens.index++
    const head = readRecordHead(tokens)
    if (head === undefined) return false
    const rdata = tokens.isQuoted ? tokens.text().replaceAll('\\"', '"') : tokens.text() // quotes hold it together
    if (rdata === '') return tokens.expected('rdata')
    for (let value = range.start; value <= range.stop; value += range.step) {
      const text = expandTemplate(`${owner} ${rdata}`, value)
      if (text === undefined)
        return tokens.expected('templates where $ and its offset, width, base make a number')
      if (!this.#addGenerated(scope, text, head)) return false
      if (++this.#records % RECORDS_A_PAUSE === 0) yield
    }
    tokens.index++
    return isAtEnd(tokens)
  }

  #addGenerated(scope: Scope, text: string, head: RecordHead): boolean {
    const scanner = new MasterScanner(Buffer.from(text, 'latin1'))
    const isRecord = scanner.next() && scanner.fault === undefined
    scanner.tokens.origin = scope.origin
    const owner = isRecord ? this.#readName(scanner.tokens) : undefined
    if (owner !== undefined && writeRdata(head.type, scanner.tokens, this.#rdata))
      return this.#add(scope, owner, head)
    const message = scanner.fault?.message ?? scanner.tokens.message
    return scope.scanner.tokens.refuse(`${shown(text)}: ${message}`)
  }

  #readName(tokens: TokenLine): Uint8Array | undefined {
    const name = this.#name
    name.clear()
    return writeName(tokens, name) ? this.#arena.keep(name.octets, name.length) : undefined
  }
}

function octetsOf(text: string | Uint8Array): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.length)
}

function isDirective(tokens: TokenLine): boolean {
  return tokens.hasMore && tokens.octets[tokens.start] === DOLLAR && !tokens.isQuoted
}

function startsWithDirective(tokens: TokenLine): boolean {
  return tokens.count > 0 && tokens.octets[tokens.starts[0] ?? 0] === DOLLAR
}

/** RFC 4034 3: a signature has the TTL of what it covers, and the rrset of RRSIG at a name none of its own. */
function isSignature(type: number): boolean {
  return type === TYPE.RRSIG || type === TYPE.SIG
}

function isAtEnd(tokens: TokenLine): boolean {
  return tokens.hasMore ? tokens.expected('the end of the line') : true
}

/** Where the token is that a fault is about. */
function placeOf({ file, scanner }: Scope): ZonePlace {
  return { file, ...scanner.tokens.place() }
}

/** Where the token is that a warning is about. */
function warnedPlace({ file, scanner: { tokens } }: Scope): ZonePlace {
  return { file, ...tokens.place(tokens.warnedIndex) }
}

/** Where the record begins. */
function recordPlace({ file, scanner }: Scope): ZonePlace {
  return { file, ...scanner.tokens.place(0) }
}
