/**
 * What the live table keeps for one owner, called its entry: its name and its rrsets, as they go onto the wire.
 *
 *              31        24 23                         8 7         0
 *     word 0   │ length of the entry in words                      │
 *     word 1   │ flags     │ how many rrsets             │ length of the name │
 *     octets   the name, uncompressed, case as it was put
 *     then each rrset, in the order of types:
 *
 *       octet  0        2          4        8              12
 *              │ type   │ records  │ TTL    │D│ octets     │ records: rdlength 2, rdata; rdlength 2, rdata; …
 *
 *     D        the highest bit: 1 if the rrset is dynamic, 0 if a zone file gave it
 *     octets   31 bits: of all records together, rdlengths included
 *
 * A zone's entry among the apexes has the same head and, from the next whole word on, the cell of its own trie.
 */
import { TYPE } from '../wire/codes.ts'
import { octet, putUint16, putUint32, uint16, uint32 } from '../wire/octets.ts'
import type { Arena } from './arena.ts'
import type { Rrset } from './rrset.ts'

export const HAS_NS = 1
export const HAS_DNAME = 2
export const HAS_CNAME = 4
export const HAS_STATIC = 8
const HAS_DYNAMIC = 16

const HEAD = 8
const RRSET_HEAD = 12
const MAX_RRSETS = 0xffff
/** In the first two octets of an rrset's length. Blocks lie below 2^31 octets, so no length needs it. */
const DYNAMIC_BIT = 0x8000

/** Where entries lie: the writer's arena, or what a reader sees of it. */
export interface TableMemory {
  readonly words: Int32Array
  readonly octets: Uint8Array
}

/** An rrset in the table, and who gave it: a zone file, or what lives and dies while we run. */
export interface StandingRrset {
  readonly rrset: Rrset
  readonly isDynamic: boolean
}

export function entryWords(words: Int32Array, entry: number): number {
  return words[entry] ?? 0
}

/** Octet offset of the owner's name. */
export function nameAt(entry: number): number {
  return entry * 4 + HEAD
}

export function nameLength(words: Int32Array, entry: number): number {
  return (words[entry + 1] ?? 0) & 0xff
}

export function entryFlags(words: Int32Array, entry: number): number {
  return (words[entry + 1] ?? 0) >>> 24
}

export function rrsetCount(words: Int32Array, entry: number): number {
  return ((words[entry + 1] ?? 0) >>> 8) & 0xffff
}

/** Octet offset of the first rrset. */
export function firstRrset(words: Int32Array, entry: number): number {
  return nameAt(entry) + nameLength(words, entry)
}

function nextRrset(octets: Uint8Array, rrset: number): number {
  const length = ((uint16(octets, rrset + 8) & ~DYNAMIC_BIT) << 16) | uint16(octets, rrset + 10)
  return rrset + RRSET_HEAD + length
}

function isDynamic(octets: Uint8Array, rrset: number): boolean {
  return (uint16(octets, rrset + 8) & DYNAMIC_BIT) !== 0
}

export function rrsetType(octets: Uint8Array, rrset: number): number {
  return uint16(octets, rrset)
}

export function rrsetRecords(octets: Uint8Array, rrset: number): number {
  return uint16(octets, rrset + 2)
}

export function rrsetTtl(octets: Uint8Array, rrset: number): number {
  return uint32(octets, rrset + 4)
}

/** Octet offset of the first record's rdlength. */
export function firstRdata(rrset: number): number {
  return rrset + RRSET_HEAD
}

/** Finds the octet offset of the rrset of a type; 0: the owner has none. */
export function findRrset(words: Int32Array, octets: Uint8Array, entry: number, type: number): number {
  let rrset = firstRrset(words, entry)
  for (let left = rrsetCount(words, entry); left > 0; left--) {
    if (rrsetType(octets, rrset) === type) return rrset
    rrset = nextRrset(octets, rrset)
  }
  return 0
}

/** The cell of a zone's trie, from its entry in the catalog. */
export function zoneCell(words: Int32Array, zone: number): number {
  return zone + ((HEAD + nameLength(words, zone) + 3) >> 2)
}

/** Copies a name out of the table. */
export function readOwner(memory: TableMemory, entry: number): Uint8Array {
  const at = nameAt(entry)
  return memory.octets.slice(at, at + nameLength(memory.words, entry))
}

/** Copies an rrset out of the table. */
export function readRrset(memory: TableMemory, entry: number, rrset: number): Rrset {
  const { octets } = memory
  const rdatas: Uint8Array[] = []
  let at = firstRdata(rrset)
  for (let left = rrsetRecords(octets, rrset); left > 0; left--) {
    const length = uint16(octets, at)
    rdatas.push(octets.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  return {
    owner: readOwner(memory, entry),
    type: rrsetType(octets, rrset),
    ttl: rrsetTtl(octets, rrset),
    rdatas,
  }
}

/** Does the rrset at an octet offset have these records, in this order, and this ttl? */
export function isRrset(octets: Uint8Array, at: number, { ttl, rdatas }: Rrset): boolean {
  if (rrsetTtl(octets, at) !== ttl || rrsetRecords(octets, at) !== rdatas.length) return false
  let rdata = firstRdata(at)
  for (const wanted of rdatas) {
    if (uint16(octets, rdata) !== wanted.length) return false
    for (let i = 0; i < wanted.length; i++) if (octets[rdata + 2 + i] !== wanted[i]) return false
    rdata += 2 + wanted.length
  }
  return true
}

/** Copies all rrsets of an owner out of the table, in the order of their types. */
export function readRrsets(memory: TableMemory, entry: number): StandingRrset[] {
  const standing: StandingRrset[] = []
  let at = firstRrset(memory.words, entry)
  for (let left = rrsetCount(memory.words, entry); left > 0; left--) {
    standing.push({ rrset: readRrset(memory, entry, at), isDynamic: isDynamic(memory.octets, at) })
    at = nextRrset(memory.octets, at)
  }
  return standing
}

/** How many of an owner's rrsets are dynamic. */
export function dynamicCount(memory: TableMemory, entry: number): number {
  const flags = entryFlags(memory.words, entry)
  const rrsets = rrsetCount(memory.words, entry)
  if ((flags & HAS_DYNAMIC) === 0) return 0
  if ((flags & HAS_STATIC) === 0) return rrsets
  let dynamic = 0
  let at = firstRrset(memory.words, entry)
  for (let left = rrsets; left > 0; left--) {
    if (isDynamic(memory.octets, at)) dynamic++
    at = nextRrset(memory.octets, at)
  }
  return dynamic
}

/** Writes an entry with these rrsets, of which there is one at least. RangeError if there are too many. */
export function writeEntry(arena: Arena, owner: Uint8Array, standing: readonly StandingRrset[]): number {
  if (standing.length > MAX_RRSETS) throw new RangeError('too many types at one owner')
  let length = HEAD + owner.length
  for (const { rrset } of standing) length += RRSET_HEAD + dataLength(rrset)
  const entry = writeHead(arena, owner, {
    words: (length + 3) >> 2,
    rrsets: standing.length,
    flags: flagsOf(standing),
  })
  let at = nameAt(entry) + owner.length
  for (const each of standing) at = writeRrset(arena.octets, at, each)
  return entry
}

/** Writes a zone's entry among the apexes: its name and an empty trie. */
export function writeZone(arena: Arena, apex: Uint8Array): number {
  const words = ((HEAD + apex.length + 3) >> 2) + 2
  const zone = writeHead(arena, apex, { words, rrsets: 0, flags: 0 })
  const cell = zoneCell(arena.words, zone)
  arena.words[cell] = 0
  arena.words[cell + 1] = 0
  return zone
}

interface Head {
  readonly words: number
  readonly rrsets: number
  readonly flags: number
}

function writeHead(arena: Arena, owner: Uint8Array, { words, rrsets, flags }: Head): number {
  const entry = arena.allocate(words)
  arena.words[entry] = words
  arena.words[entry + 1] = owner.length | (rrsets << 8) | (flags << 24)
  arena.octets.set(owner, nameAt(entry))
  return entry
}

function writeRrset(octets: Uint8Array, at: number, { rrset, isDynamic }: StandingRrset): number {
  const length = dataLength(rrset)
  putUint16(octets, at, rrset.type)
  putUint16(octets, at + 2, rrset.rdatas.length)
  putUint32(octets, at + 4, rrset.ttl)
  putUint16(octets, at + 8, (length >>> 16) | (isDynamic ? DYNAMIC_BIT : 0))
  putUint16(octets, at + 10, length & 0xffff)
  at += RRSET_HEAD
  for (const rdata of rrset.rdatas) {
    putUint16(octets, at, rdata.length)
    for (let i = 0; i < rdata.length; i++) octets[at + 2 + i] = octet(rdata, i)
    at += 2 + rdata.length
  }
  return at
}

function dataLength(rrset: Rrset): number {
  let length = 0
  for (const rdata of rrset.rdatas) length += 2 + rdata.length
  return length
}

function flagsOf(standing: readonly StandingRrset[]): number {
  let flags = 0
  for (const { rrset, isDynamic } of standing) {
    const { type } = rrset
    flags |= isDynamic ? HAS_DYNAMIC : HAS_STATIC
    if (type === TYPE.NS) flags |= HAS_NS
    if (type === TYPE.DNAME) flags |= HAS_DNAME
    if (type === TYPE.CNAME) flags |= HAS_CNAME
  }
  return flags
}
