/** Zone text in, nameserver out; questions and answers as text: the language that the tests of the nameserver speak. */

import { formatIpv6 } from '../../src/address/ipv6.ts'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { parseType, TYPE, typeText } from '../../src/wire/codes.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { Catalog } from '../../src/zone/catalog.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'

/** A name in wire form; the test's own mistake where it is none. */
export function wire(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new Error(`not a name: ${text}`)
  return name
}

/** Reads master-file text; the apex is the owner of its SOA. */
export function parseZone(text: string): { apex: Uint8Array; rrsets: readonly Rrset[] } {
  const { rrsets, faults } = readMasterFile({ file: 'test', text: `${text}\n` })
  const apex = rrsets.find(({ type }) => type === TYPE.SOA)?.owner
  if (faults.length > 0 || apex === undefined) throw new Error(`not a zone: ${JSON.stringify(faults)}`)
  return { apex, rrsets }
}

/** A nameserver of these zones. */
export function serve(...zones: readonly string[]): Nameserver {
  return serveCatalog(catalogOf(...zones))
}

export function catalogOf(...zones: readonly string[]): Catalog {
  const catalog = new Catalog()
  for (const zone of zones) {
    const { apex, rrsets } = parseZone(zone)
    catalog.putZone(apex, rrsets)
  }
  return catalog
}

export function serveCatalog(catalog: Catalog): Nameserver {
  return new Nameserver({ catalog, nsid: 'test-1', version: 'freenet6 test', hostname: 'ns.test' })
}

export interface Asked {
  readonly opcode?: number
  readonly flags?: number
  readonly class?: number
  readonly id?: number
  /** Payload size; with it the query has an OPT. */
  readonly edns?: number
  readonly version?: number
  readonly dnssecOk?: boolean
  /** Octets of the OPT's options. */
  readonly options?: Uint8Array
  readonly transport?: 'udp' | 'tcp'
}

/** The octets of a query. */
export function queryOf(qname: string, qtype: string, asked: Asked = {}): Uint8Array {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(asked.id ?? 0x1234, 0)
  head.writeUInt16BE(((asked.opcode ?? 0) << 11) | (asked.flags ?? 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(asked.edns === undefined ? 0 : 1, 10)
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(parseType(qtype) ?? 0, 0)
  tail.writeUInt16BE(asked.class ?? 1, 2)
  const opt = asked.edns === undefined ? Buffer.alloc(0) : optOf(asked)
  return Buffer.concat([head, wire(qname), tail, opt])
}

export function optOf(asked: Asked): Uint8Array {
  const options = asked.options ?? new Uint8Array(0)
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(TYPE.OPT, 1)
  opt.writeUInt16BE(asked.edns ?? 1232, 3)
  opt.writeUInt8(asked.version ?? 0, 6)
  opt.writeUInt16BE(asked.dnssecOk === true ? 0x8000 : 0, 7)
  opt.writeUInt16BE(options.length, 9)
  return Buffer.concat([opt, options])
}

/** A reply taken apart; records as `owner ttl type rdata`, names in lower case. */
export interface Told {
  readonly octets: Buffer
  readonly id: number
  readonly flags: number
  readonly rcode: number
  readonly aa: boolean
  readonly tc: boolean
  readonly question: Uint8Array
  readonly answer: readonly string[]
  readonly authority: readonly string[]
  readonly additional: readonly string[]
  readonly opt: Opt | undefined
}

export interface Opt {
  readonly payloadSize: number
  readonly extendedRcode: number
  readonly version: number
  readonly dnssecOk: boolean
  readonly options: ReadonlyMap<number, Uint8Array>
}

/** Asks and takes the reply apart; undefined is silence. */
export function ask(nameserver: Nameserver, qname: string, qtype: string, asked: Asked = {}): Told {
  const told = send(nameserver, queryOf(qname, qtype, asked), asked.transport)
  if (told === undefined) throw new Error(`no reply to ${qname} ${qtype}`)
  return told
}

export function send(
  nameserver: Nameserver,
  query: Uint8Array,
  transport: 'udp' | 'tcp' = 'udp',
): Told | undefined {
  const room = new Uint8Array(65_535)
  const length = nameserver.respond(query, query.length, room, new Client(transport))
  return length === 0 ? undefined : takeApart(Buffer.from(room.slice(0, length)))
}

export function takeApart(octets: Buffer): Told {
  const cursor = { octets, at: 12 }
  const questions = octets.readUInt16BE(4)
  for (let i = 0; i < questions; i++) {
    takeName(cursor)
    cursor.at += 4
  }
  const question = octets.subarray(12, cursor.at)
  const opts: Opt[] = []
  const [answer = [], authority = [], additional = []] = [6, 8, 10].map(count =>
    Array.from({ length: octets.readUInt16BE(count) }, () => takeRecord(cursor, opts)).filter(
      text => text !== '',
    ),
  )
  if (cursor.at !== octets.length)
    throw new Error(`${octets.length - cursor.at} octets behind the last record`)
  const flags = octets.readUInt16BE(2)
  const opt = opts[0]
  return {
    octets,
    id: octets.readUInt16BE(0),
    flags,
    rcode: (flags & 15) | ((opt?.extendedRcode ?? 0) << 4),
    aa: (flags & 0x400) !== 0,
    tc: (flags & 0x200) !== 0,
    question,
    answer,
    authority,
    additional,
    opt,
  }
}

interface Cursor {
  readonly octets: Buffer
  at: number
}

function takeName(cursor: Cursor): string {
  const { octets } = cursor
  const labels: number[] = []
  let at = cursor.at
  let behind = 0
  for (let hops = 0; ; ) {
    const length = octets.readUInt8(at)
    if (length >= 0xc0) {
      if (++hops > 64) throw new Error('pointers loop')
      if (behind === 0) behind = at + 2
      at = octets.readUInt16BE(at) & 0x3fff
      continue
    }
    labels.push(length, ...octets.subarray(at + 1, at + 1 + length))
    at += length + 1
    if (length === 0) break
  }
  cursor.at = behind === 0 ? at : behind
  if (labels.length > 255) throw new Error('name too long')
  return formatName(Uint8Array.from(labels)).toLowerCase()
}

function takeRecord(cursor: Cursor, opts: Opt[]): string {
  const owner = takeName(cursor)
  const { octets } = cursor
  const type = octets.readUInt16BE(cursor.at)
  const size = octets.readUInt16BE(cursor.at + 2)
  const ttl = octets.readUInt32BE(cursor.at + 4)
  const end = cursor.at + 10 + octets.readUInt16BE(cursor.at + 8)
  cursor.at += 10
  if (type === TYPE.OPT) {
    const opt = {
      payloadSize: size,
      extendedRcode: ttl >>> 24,
      version: (ttl >> 16) & 255,
      dnssecOk: (ttl & 0x8000) !== 0,
      options: takeOptions(octets.subarray(cursor.at, end)),
    }
    opts.push(opt)
    cursor.at = end
    return ''
  }
  const rdata = takeRdata(cursor, type, end)
  if (cursor.at !== end) throw new Error('rdlength and rdata differ')
  return `${owner} ${ttl} ${typeText(type)} ${rdata}`
}

function takeOptions(octets: Buffer): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>()
  let at = 0
  for (; at < octets.length; at += 4 + octets.readUInt16BE(at + 2)) {
    options.set(octets.readUInt16BE(at), octets.subarray(at + 4, at + 4 + octets.readUInt16BE(at + 2)))
  }
  if (at !== octets.length) throw new Error('an option goes on behind its OPT')
  return options
}

function takeRdata(cursor: Cursor, type: number, end: number): string {
  const { octets } = cursor
  switch (type) {
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.DNAME:
    case TYPE.PTR:
      return takeName(cursor)
    case TYPE.MX:
      cursor.at += 2
      return `${octets.readUInt16BE(cursor.at - 2)} ${takeName(cursor)}`
    case TYPE.SOA: {
      const names = `${takeName(cursor)} ${takeName(cursor)}`
      const at = cursor.at
      cursor.at += 20
      return `${names} ${[0, 4, 8, 12, 16].map(offset => octets.readUInt32BE(at + offset)).join(' ')}`
    }
    default: {
      const rdata = octets.subarray(cursor.at, end)
      cursor.at = end
      if (type === TYPE.A) return rdata.join('.')
      if (type === TYPE.AAAA) return formatIpv6(rdata)
      if (type === TYPE.TXT) return JSON.stringify(rdata.subarray(1).toString('latin1').toLowerCase())
      return rdata.toString('hex')
    }
  }
}
