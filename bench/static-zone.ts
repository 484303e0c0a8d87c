import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Question } from './question.ts'

/** A zone file as an operator writes one, large. */
export interface StaticZone {
  readonly name: string
  /** The SOA, the NS and its address included. */
  readonly records: number
  /** Holds this zone file alone. */
  readonly directory: string
  readonly file: string
  /** For the last record. */
  readonly question: Question
}

const NAME = 'example.net'
const HEAD = `$ORIGIN ${NAME}.
$TTL 3600
@ IN SOA ns1 hostmaster 1 3600 900 604800 60
@    NS  ns1
ns1  A   192.0.2.53
`
const HEAD_RECORDS = 3
const SLICE = 10_000
/** What records follow each other; an AAAA is the last. */
const SHAPES: readonly ((index: number) => string)[] = [
  index => `h${index} A ${ipv4(index)}\n`,
  index => `h${index} 300 IN AAAA ${ipv6(index)}\n`,
  index => `h${index} MX 10 mail.h${index}\n`,
  index => `h${index} TXT "v=spf1 ip4:${ipv4(index)} -all"\n`,
]

/** Writes a zone of so many records below `work`, or finds the one written there before. */
export function writeStaticZone(work: string, records: number): StaticZone {
  const directory = join(work, `static-${records}`)
  const file = join(directory, `${NAME}.zone`)
  const last = records - HEAD_RECORDS - 1
  const question: Question = { name: `h${last}.${NAME}`, type: 'AAAA', answer: ipv6(last) }
  if (!existsSync(file)) {
    mkdirSync(directory, { recursive: true })
    writeRecords(`${file}.part`, last)
    renameSync(`${file}.part`, file)
  }
  return { name: NAME, records, directory, file, question }
}

function writeRecords(file: string, last: number): void {
  const descriptor = openSync(file, 'w')
  writeSync(descriptor, HEAD)
  for (let first = 0; first < last; first += SLICE) {
    const lines = Array.from({ length: Math.min(SLICE, last - first) }, (_, i) => recordLine(first + i))
    writeSync(descriptor, lines.join(''))
  }
  writeSync(descriptor, `h${last} AAAA ${ipv6(last)}\n`)
  closeSync(descriptor)
}

function recordLine(index: number): string {
  return SHAPES[index % SHAPES.length]?.(index) ?? ''
}

function ipv4(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
}

/** In the canonical text form: no group is zero but where `::` stands. */
function ipv6(index: number): string {
  return `2001:db8:${((index >> 16) + 1).toString(16)}:${((index & 0xffff) | 1).toString(16)}::2`
}
