import { HEADER_LENGTH } from '../wire/message.ts'
import { lowerCaseName } from '../wire/name.ts'
import type { Client } from './client.ts'
import type { Query } from './query.ts'
import type { Signature } from './signature.ts'

/** Who was refused a transfer, or the SOA by which a secondary sees whether it needs one. */
export interface RefusedTransfer {
  /** In wire form and lower case, as is the key. */
  readonly apex: Uint8Array
  /** Of the client: 4 or 16 octets. Over UDP it may be anybody's. */
  readonly address: Uint8Array
  /** The name of the key that it claims to have signed with. */
  readonly keyName: Uint8Array | undefined
  /** What is wrong with its TSIG (RFC 8945 3); NONE: the client may not. */
  readonly tsigError: number
  /** Seconds that its clock is ahead of ours; undefined: it is not refused for that. */
  readonly secondsAhead: number | undefined
  readonly transport: Client['transport']
}

export function refusedOf(
  { query, signature }: { readonly query: Query; readonly signature: Signature },
  { octets, length, transport, seconds }: Client,
): RefusedTransfer {
  const { tsig } = query
  return {
    apex: apexOf(query),
    address: octets.slice(0, length),
    keyName: tsig.present ? lowerCaseName(tsig.keyName.slice(0, tsig.keyNameLength)) : undefined,
    tsigError: signature.error,
    secondsAhead: signature.secondsAhead(seconds),
    transport,
  }
}

/** The qname of a query for a transfer or an SOA, in wire form and lower case. */
export function apexOf({ message, questionEnd }: Query): Uint8Array {
  return lowerCaseName(message.subarray(HEADER_LENGTH, questionEnd - 4))
}
