/** A client that signs its queries and checks what comes back, written from RFC 8945 without a line of the server's. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Client } from '../../src/engine/client.ts'
import type { Nameserver } from '../../src/engine/nameserver.ts'
import { formatName, lowerCaseName } from '../../src/wire/name.ts'
import { type Told, takeApart, wire } from './zones.ts'

export const NOW = 1_800_000_000

export interface Key {
  readonly name: string
  readonly algorithm: string
  readonly secret: Uint8Array
}

/** Values of a TSIG that are signed; left out, they are an honest client's at NOW. */
interface Variables {
  readonly timeSigned?: number
  readonly fudge?: number
  readonly originalId?: number
  readonly error?: number
  readonly other?: Uint8Array
}

/** What a query's TSIG has otherwise than an honest client's. */
export interface Signing extends Variables {
  /** Octets of the MAC that are sent. */
  readonly macLength?: number
  /** Sent in place of the right MAC. */
  readonly mac?: Uint8Array
  readonly class?: number
  readonly ttl?: number
  /** The key's name as it is written, where that is not its plain wire form. */
  readonly owner?: Uint8Array
  /** The same for the algorithm's name. */
  readonly algorithmName?: Uint8Array
}

/** A reply's TSIG taken apart. */
export interface Tsig {
  readonly owner: string
  readonly algorithm: string
  readonly class: number
  readonly ttl: number
  readonly timeSigned: number
  readonly fudge: number
  readonly mac: Buffer
  readonly originalId: number
  readonly error: number
  readonly other: Buffer
}

/** A query with a TSIG as its last record. */
export interface Signed {
  readonly octets: Buffer
  readonly mac: Uint8Array
}

export function signed(query: Uint8Array, key: Key, signing: Signing = {}): Signed {
  const whole = signing.mac ?? macOf(query, key, signing)
  const mac = whole.subarray(0, signing.macLength ?? whole.length)
  return { octets: append(query, tsigRecord(query, key, { ...signing, mac })), mac }
}

/** The message with one record more in its additional section. */
export function append(message: Uint8Array, record: Uint8Array): Buffer {
  const octets = Buffer.concat([message, record])
  octets.writeUInt16BE(octets.readUInt16BE(10) + 1, 10)
  return octets
}

export function tsigRecord(query: Uint8Array, key: Key, signing: Signing): Buffer {
  const { mac = Buffer.alloc(0), error = 0, other = Buffer.alloc(0) } = signing
  const id = signing.originalId ?? Buffer.from(query).readUInt16BE()
  const name = signing.algorithmName ?? wire(key.algorithm)
  const tail = Buffer.concat([u16(id), u16(error), u16(other.length), other])
  const rdata = Buffer.concat([name, timers(signing), u16(mac.length), mac, tail])
  const head = Buffer.alloc(10)
  head.writeUInt16BE(250)
  head.writeUInt16BE(signing.class ?? 255, 2)
  head.writeUInt32BE(signing.ttl ?? 0, 4)
  head.writeUInt16BE(rdata.length, 8)
  return Buffer.concat([signing.owner ?? wire(key.name), head, rdata])
}

/** RFC 8945 4.3: what of a message is signed, `before` being the request's MAC of a reply. */
export function macOf(message: Uint8Array, key: Key, signing: Variables = {}, before?: Uint8Array): Buffer {
  const { error = 0, other = Buffer.alloc(0) } = signing
  const octets = Buffer.from(message)
  octets.writeUInt16BE(signing.originalId ?? octets.readUInt16BE(0), 0)
  const hmac = createHmac(key.algorithm.replace('hmac-', '').replace(/\.$/, ''), key.secret)
  if (before !== undefined) hmac.update(Buffer.concat([u16(before.length), before]))
  hmac.update(octets)
  hmac.update(lowerCaseName(wire(key.name)))
  hmac.update(Buffer.from('00ff00000000', 'hex'))
  hmac.update(lowerCaseName(wire(key.algorithm)))
  hmac.update(timers(signing))
  hmac.update(Buffer.concat([u16(error), u16(other.length), other]))
  return hmac.digest()
}

/** Asks at a time, NOW unless given; undefined is silence. */
export function askAt(
  nameserver: Nameserver,
  query: Uint8Array,
  { transport = 'udp', seconds = NOW }: { transport?: 'udp' | 'tcp'; seconds?: number } = {},
): Told {
  const client = new Client(transport)
  client.seconds = seconds
  const room = Buffer.alloc(65_535)
  const length = nameserver.respond(query, query.length, room, client)
  assert.notEqual(length, 0, 'silence')
  assert.equal(nameserver.counts.faults, 0)
  return takeApart(Buffer.from(room.subarray(0, length)))
}

/** The reply's TSIG; undefined where it has none. It must be the last record. */
export function tsigOf(told: Told): Tsig | undefined {
  const found = told.additional.findIndex(text => / TSIG /.test(text))
  if (found === -1) return undefined
  assert.equal(found, told.additional.length - 1, 'the TSIG is not the last record')
  const [owner = '', , , hex = ''] = (told.additional[found] ?? '').split(' ')
  const rdata = Buffer.from(hex, 'hex')
  let at = 0
  while (rdata.readUInt8(at) !== 0) at += rdata.readUInt8(at) + 1
  const algorithm = formatName(rdata.subarray(0, ++at))
  const macEnd = at + 10 + rdata.readUInt16BE(at + 8)
  assert.equal(rdata.length, macEnd + 6 + rdata.readUInt16BE(macEnd + 4))
  const fixed = told.octets.length - rdata.length - 10
  return {
    owner,
    algorithm,
    class: told.octets.readUInt16BE(fixed + 2),
    ttl: told.octets.readUInt32BE(fixed + 4),
    timeSigned: rdata.readUIntBE(at, 6),
    fudge: rdata.readUInt16BE(at + 6),
    mac: rdata.subarray(at + 10, macEnd),
    originalId: rdata.readUInt16BE(macEnd),
    error: rdata.readUInt16BE(macEnd + 2),
    other: rdata.subarray(macEnd + 6),
  }
}

/** Checks that a reply, or without a request’s MAC a request, is signed with the whole MAC of this key. Returns its TSIG. */
export function verified(told: Told, key: Key, requestMac?: Uint8Array): Tsig {
  const tsig = tsigOf(told)
  assert.ok(tsig, 'the reply has no TSIG')
  const length = wire(tsig.owner).length + 10 + wire(tsig.algorithm).length + 16 + tsig.mac.length
  const plain = Buffer.from(told.octets.subarray(0, told.octets.length - length - tsig.other.length))
  plain.writeUInt16BE(plain.readUInt16BE(10) - 1, 10)
  const mac = macOf(plain, key, tsig, requestMac)
  assert.equal(tsig.mac.toString('hex'), mac.toString('hex'))
  assert.deepEqual([tsig.class, tsig.ttl], [255, 0])
  return tsig
}

/** Checks a later message of several: signed with the MAC of the one before, and of the time alone (RFC 8945 5.3.1). */
export function verifiedNext(told: Told, key: Key, lastMac: Uint8Array): Tsig {
  const tsig = tsigOf(told)
  assert.ok(tsig, 'a later message has no TSIG')
  const length = wire(tsig.owner).length + 10 + wire(tsig.algorithm).length + 16 + tsig.mac.length
  const plain = Buffer.from(told.octets.subarray(0, told.octets.length - length))
  plain.writeUInt16BE(plain.readUInt16BE(10) - 1, 10)
  const hmac = createHmac(key.algorithm.replace('hmac-', ''), key.secret)
  hmac.update(Buffer.concat([u16(lastMac.length), lastMac, plain, timers(tsig)]))
  assert.equal(tsig.mac.toString('hex'), hmac.digest('hex'))
  return tsig
}

function timers({ timeSigned = NOW, fudge = 300 }: Variables): Buffer {
  const octets = Buffer.alloc(8)
  octets.writeUIntBE(timeSigned, 0, 6)
  octets.writeUInt16BE(fudge, 6)
  return octets
}

function u16(value: number): Buffer {
  const octets = Buffer.alloc(2)
  octets.writeUInt16BE(value)
  return octets
}
