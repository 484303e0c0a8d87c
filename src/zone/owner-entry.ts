/**
 * What the live table keeps for one owner: its name and its rrsets, as they go onto the wire.
 *
 *     word 0      length of the entry in words
 *     word 1      length of the name | rrsets << 8 | flags << 24
 *     octets      the name, uncompressed, case as it was put
 *     then for each rrset:
 *       type 2 | records 2 | ttl 4 | octets of all records 4 | for each record: rdlength 2, rdata
 *
 * A zone's entry in the catalog has the same head and, on the next whole word, the cell of its own trie.
 */
import { TYPE } from '../wire/codes.ts'
import { octet, putUint16, putUint32, uint16, uint32 } from '../wire/octets.ts'
import type { Arena } from './arena.ts'
import type { Rrset } from './rrset.ts'

export const HAS_NS = 1
export const HAS_DNAME = 2
export const HAS_CNAME = 4

const HEAD = 8
const RRSET_HEAD = 12
const MAX_RRSETS = 0xffff

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
  return rrset + RRSET_HEAD + uint32(octets, rrset + 8)
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

/** Octet offset of the rrset of a type, 0 where the owner has none. */
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
export function readOwner(arena: Arena, entry: number): Uint8Array {
  const at = nameAt(entry)
  return arena.octets.slice(at, at + nameLength(arena.words, entry))
}

/** Copies an rrset out of the table. */
export function readRrset(arena: Arena, entry: number, rrset: number): Rrset {
  const rdatas: Uint8Array[] = []
  let at = firstRdata(rrset)
  for (let left = rrsetRecords(arena.octets, rrset); left > 0; left--) {
    const length = uint16(arena.octets, at)
    rdatas.push(arena.octets.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  return {
    owner: readOwner(arena, entry),
    type: rrsetType(arena.octets, rrset),
    ttl: rrsetTtl(arena.octets, rrset),
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

/** All rrsets of an owner, in the order of their types. */
export function readRrsets(arena: Arena, entry: number): Rrset[] {
  const rrsets: Rrset[] = []
  let at = firstRrset(arena.words, entry)
  for (let left = rrsetCount(arena.words, entry); left > 0; left--) {
    rrsets.push(readRrset(arena, entry, at))
    at = nextRrset(arena.octets, at)
  }
  return rrsets
}

/** Writes an entry with these rrsets, of which there is one at least; RangeError where they are too many. */
export function writeEntry(arena: Arena, owner: Uint8Array, rrsets: readonly Rrset[]): number {
  if (rrsets.length > MAX_RRSETS) throw new RangeError('too many types at one owner')
  let length = HEAD + owner.length
  for (const rrset of rrsets) length += RRSET_HEAD + dataLength(rrset)
  const entry = writeHead(arena, owner, {
    words: (length + 3) >> 2,
    rrsets: rrsets.length,
    flags: flagsOf(rrsets),
  })
  let at = nameAt(entry) + owner.length
  for (const rrset of rrsets) at = writeRrset(arena.octets, at, rrset)
  return entry
}

/** Writes a zone's entry in the catalog: its apex and an empty trie. */
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

function writeRrset(octets: Uint8Array, at: number, rrset: Rrset): number {
  putUint16(octets, at, rrset.type)
  putUint16(octets, at + 2, rrset.rdatas.length)
  putUint32(octets, at + 4, rrset.ttl)
  putUint32(octets, at + 8, dataLength(rrset))
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

function flagsOf(rrsets: readonly Rrset[]): number {
  let flags = 0
  for (const { type } of rrsets) {
    if (type === TYPE.NS) flags |= HAS_NS
    if (type === TYPE.DNAME) flags |= HAS_DNAME
    if (type === TYPE.CNAME) flags |= HAS_CNAME
  }
  return flags
}
