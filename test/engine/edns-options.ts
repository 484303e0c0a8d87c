/** Options of an OPT, and clients with an address and a time: what the tests of EDNS options say beside zone text. */

import { addressOctets } from '../../src/address/prefix.ts'
import { Client, type Transport } from '../../src/engine/client.ts'
import { CookieSecrets } from '../../src/engine/cookie-secrets.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import { type Asked, catalogOf, queryOf, type Told, takeApart } from './zones.ts'

export const OPTION = { NSID: 3, EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11, PADDING: 12, EDE: 15, ZONEVERSION: 19 }

const SECRET = '00112233445566778899aabbccddeeff'
const ADDRESS = '192.0.2.33'
/** An afternoon in May 2026. */
const NOW = 1_780_000_000
const IDLE_MS = 10_000

/** The octets of an option; the data in hexadecimal digits. */
export function option(code: number, data = ''): Buffer {
  const octets = Buffer.from(data, 'hex')
  const head = Buffer.alloc(4)
  head.writeUInt16BE(code, 0)
  head.writeUInt16BE(octets.length, 2)
  return Buffer.concat([head, octets])
}

/** Secrets, oldest first, each in hexadecimal digits: the last one is the current one. */
export function secretsOf(...secrets: readonly string[]): CookieSecrets {
  const memory = new CookieSecrets()
  for (const secret of secrets) memory.roll(Buffer.from(secret, 'hex'))
  return memory
}

/** A nameserver with every option on. */
export function serveOptions(zones: readonly string[], secrets = secretsOf(SECRET)): Nameserver {
  return new Nameserver({
    catalog: catalogOf(...zones),
    nsid: 'test-1',
    version: '',
    hostname: '',
    cookieSecrets: secrets.buffer,
    tcpIdleMs: IDLE_MS,
  })
}

export interface Sender {
  /** Empty: not known. */
  readonly address?: string
  /** UTC seconds of the query. */
  readonly at?: number
  readonly transport?: Transport
}

/** Sends octets from an address, at a time; takes the reply apart. */
export function sendAs(nameserver: Nameserver, query: Uint8Array, sender: Sender = {}): Told {
  const client = new Client(sender.transport ?? 'udp')
  const octets = addressOctets(sender.address ?? ADDRESS)
  if (octets === undefined && sender.address !== '') throw new Error(`not an address: ${sender.address}`)
  client.octets.set(octets ?? [])
  client.length = octets?.length ?? 0
  client.seconds = sender.at ?? NOW
  const room = new Uint8Array(65_535).fill(0xa5) // what an earlier reply may have left
  const length = nameserver.respond(query, query.length, room, client)
  return takeApart(Buffer.from(room.subarray(0, length)))
}

/** Asks with these options in an OPT. */
export function askAs(
  nameserver: Nameserver,
  [qname, qtype]: readonly [string, string],
  options: readonly Uint8Array[],
  asked: Asked & Sender = {},
): Told {
  const query = queryOf(qname, qtype, { edns: 1232, ...asked, options: Buffer.concat(options) })
  return sendAs(nameserver, query, asked)
}

/** The data of an option of the reply in hexadecimal digits; undefined where it has none. */
export function toldOption(told: Told, code: number): string | undefined {
  const data = told.opt?.options.get(code)
  return data === undefined ? undefined : Buffer.from(data).toString('hex')
}
