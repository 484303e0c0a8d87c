import { randomBytes } from 'node:crypto'
import { reverseApex, reverseName } from '../../address/reverse-name.ts'
import type { NameserverOptions } from '../../engine/nameserver.ts'
import { newRateLimitBuckets, RATE_LIMIT_KEY_LENGTH } from '../../engine/rate-limit.ts'
import { CLASS, TYPE } from '../../wire/codes.ts'
import { FLAG, HEADER_LENGTH } from '../../wire/message.ts'
import { parseName } from '../../wire/name.ts'
import { putUint16, putUint32 } from '../../wire/octets.ts'
import { Catalog } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'

/** Names in each of the two zones: enough for a trie with branches. */
const NAMES = 64
/** Room for the table, of which little is used. */
const MOST_BYTES = 16 * 1024 * 1024
const TTL = 60
/** Octets of serial, refresh, retry, expire and minimum (RFC 1035 3.3.13). */
const SOA_NUMBERS = 20
const PAYLOAD = 1232
const COOKIE_OPTION = Uint8Array.of(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)
/** More than anybody asks in a second. */
const NO_LIMIT = 0x3fff_ffff

const FORWARD = 'rehearsal.example.'
const REVERSE = `${reverseApex({ octets: address(0), length: 32 })}.`

/**
 * An engine like the one given, over a table of its own: what is answered from it is counted nowhere, takes nothing from
 * a client's share, and reads nothing that somebody writes.
 */
export function rehearsalEngine({
  recentSteps: _,
  rateLimit,
  ...engine
}: NameserverOptions): NameserverOptions {
  const catalog = new Catalog({ maxBytes: MOST_BYTES })
  catalog.putZone(wire(FORWARD), zone(FORWARD, hostOf, { type: TYPE.AAAA, rdata: address }))
  catalog.putZone(wire(REVERSE), zone(REVERSE, reverseOf, { type: TYPE.PTR, rdata: i => wire(hostOf(i)) }))
  const limits = rateLimit && {
    ...rateLimit,
    buckets: newRateLimitBuckets(randomBytes(RATE_LIMIT_KEY_LENGTH)),
    ...(rateLimit.responsesPerSecond > 0 && { responsesPerSecond: NO_LIMIT }),
    ...(rateLimit.allPerSecond > 0 && { allPerSecond: NO_LIMIT }),
  }
  return { ...engine, catalog: { buffer: catalog.buffer }, ...(limits && { rateLimit: limits }) }
}

/** Queries as resolvers send them, for names that `rehearsalEngine` has and has not. */
export function rehearsalQueries(): readonly Uint8Array[] {
  const { A, AAAA, NS, PTR, SOA } = TYPE
  return Array.from({ length: NAMES }, (_, i) => [
    queryOf(hostOf(i), AAAA),
    queryOf(hostOf(i), AAAA, optOf(COOKIE_OPTION)),
    queryOf(hostOf(i), A, optOf()),
    queryOf(reverseOf(i), PTR, optOf()),
    queryOf(`absent-${hostOf(i)}`, AAAA, optOf()),
    queryOf(reverseOf(i + NAMES), PTR),
    queryOf(i % 2 === 0 ? FORWARD : REVERSE, i % 4 < 2 ? SOA : NS, optOf(COOKIE_OPTION)),
  ]).flat()
}

/** Records of one type below an apex, one a name. */
interface Records {
  readonly type: number
  readonly rdata: (index: number) => Uint8Array
}

function zone(apex: string, ownerOf: (index: number) => string, { type, rdata }: Records): readonly Rrset[] {
  const rrset = (owner: string, ofType: number, octets: Uint8Array): Rrset => ({
    owner: wire(owner),
    type: ofType,
    ttl: TTL,
    rdatas: [octets],
  })
  const name = wire(hostOf(0))
  return [
    rrset(apex, TYPE.SOA, Buffer.concat([name, name, new Uint8Array(SOA_NUMBERS)])),
    rrset(apex, TYPE.NS, name),
    ...Array.from({ length: NAMES }, (_, i) => rrset(ownerOf(i), type, rdata(i))),
  ]
}

function hostOf(index: number): string {
  return `name-${index}.${index % 2 === 0 ? 'ca' : 'fr'}.${FORWARD}`
}

function reverseOf(index: number): string {
  return `${reverseName(address(index))}.`
}

function address(index: number): Uint8Array {
  const octets = new Uint8Array(16)
  putUint32(octets, 0, 0x2001_0db8)
  putUint32(octets, 12, index)
  return octets
}

function queryOf(qname: string, qtype: number, opt: Uint8Array = new Uint8Array(0)): Uint8Array {
  const name = wire(qname)
  const query = new Uint8Array(HEADER_LENGTH + name.length + 4 + opt.length)
  putUint16(query, 2, FLAG.RD)
  putUint16(query, 4, 1) // questions
  putUint16(query, 10, opt.length > 0 ? 1 : 0) // additional records
  query.set(name, HEADER_LENGTH)
  putUint16(query, HEADER_LENGTH + name.length, qtype)
  putUint16(query, HEADER_LENGTH + name.length + 2, CLASS.IN)
  query.set(opt, HEADER_LENGTH + name.length + 4)
  return query
}

/** An OPT record with these options (RFC 6891 6.1.2). */
function optOf(options: Uint8Array = new Uint8Array(0)): Uint8Array {
  const opt = new Uint8Array(11 + options.length)
  putUint16(opt, 1, TYPE.OPT)
  putUint16(opt, 3, PAYLOAD)
  putUint16(opt, 9, options.length)
  opt.set(options, 11)
  return opt
}

function wire(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new RangeError(`${text} is no name`)
  return name
}
