import { formatName } from '../wire/name.ts'
import { wireNameLength } from '../wire/wire-name.ts'

/** SERIAL, REFRESH, RETRY, EXPIRE and MINIMUM (RFC 1035 3.3.13). */
const NUMBERS_LENGTH = 20

/**
 * Who is responsible for a zone, by its SOA's uncompressed rdata, as mail programs write it: the first label is what stands
 * before the @ (RFC 1035 8). Undefined: the SOA names nobody.
 */
export function soaMailbox(rdata: Uint8Array): string | undefined {
  const start = wireNameLength(rdata, 0)
  const length = rdata[start] ?? 0
  if (length === 0) return undefined
  const domain = start + 1 + length
  if (rdata[domain] === 0) return undefined // a mailbox is at a domain: one label alone has none
  const local = String.fromCharCode(...rdata.subarray(start + 1, domain))
  return `${local}@${formatName(rdata.subarray(domain, rdata.length - NUMBERS_LENGTH)).replace(/\.$/, '')}`
}
