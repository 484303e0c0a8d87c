/** What the protocol has room for: checked before anything enters the table, so that answers need no check. */
import { formatName, MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../wire/name.ts'
import { octet } from '../wire/octets.ts'
import type { Rrset } from './rrset.ts'

const MAX_RDATA_LENGTH = 0xffff
const MAX_RECORDS = 0xffff
const MAX_TTL = 0x7fffffff

/** Throws RangeError if an rrset could not be written into a message. */
export function assertRrset({ owner, type, ttl, rdatas }: Rrset): void {
  assertName(owner)
  const fits =
    Number.isInteger(type) &&
    type >= 0 &&
    type <= 0xffff &&
    Number.isInteger(ttl) &&
    ttl >= 0 &&
    ttl <= MAX_TTL && // RFC 2181 8
    rdatas.length > 0 &&
    rdatas.length <= MAX_RECORDS &&
    rdatas.every(rdata => rdata.length <= MAX_RDATA_LENGTH)
  if (!fits)
    throw new RangeError(`the rrset of type ${type} at ${formatName(owner)} does not fit the protocol`)
}

/** Throws RangeError if the octets are not one uncompressed name. */
export function assertName(name: Uint8Array): void {
  let at = 0
  while (octet(name, at) !== 0 && octet(name, at) <= MAX_LABEL_LENGTH && at < name.length)
    at += octet(name, at) + 1
  const whole = at === name.length - 1 && name[at] === 0
  if (!whole || name.length > MAX_NAME_LENGTH) throw new RangeError('not a domain name in wire form')
}
