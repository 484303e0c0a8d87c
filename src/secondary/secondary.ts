import { addressOctets } from '../address/prefix.ts'
import type { SentTransfer } from '../engine/transfers.ts'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import { isSameName } from '../wire/wire-name.ts'

/** A server that follows our zones: where it is told of changes, and the key that it is told with. */
export interface Secondary {
  readonly endpoint: Endpoint
  /** In wire form and lower case. */
  readonly keyName: Uint8Array | undefined
}

export function nameOfSecondary({ endpoint }: Secondary): string {
  return formatEndpoint(endpoint)
}

/** Does something come from where this secondary is told? */
export function isAt({ endpoint }: Secondary, { address, port }: Endpoint): boolean {
  return endpoint.port === port && isSameAddress(endpoint.address, addressOctets(address.split('%')[0] ?? ''))
}

/** Does it come from this secondary's address? */
export function isFrom({ endpoint }: Secondary, { address }: { readonly address: Uint8Array }): boolean {
  return isSameAddress(endpoint.address, address)
}

/**
 * Whose a transfer was: his whose own key it is signed with, wherever it comes from, else those at its address. A key that
 * several have says nothing, or one that is down would seem to follow as long as another does.
 */
export function recipientsOf(secondaries: readonly Secondary[], sent: SentTransfer): readonly Secondary[] {
  const byKey = secondaries.filter(secondary => hasSigned(secondary, sent))
  return byKey.length === 1 ? byKey : secondaries.filter(secondary => isFrom(secondary, sent))
}

function hasSigned({ keyName }: Secondary, sent: SentTransfer): boolean {
  return keyName !== undefined && sent.keyName !== undefined && isSameName(keyName, 0, sent.keyName, 0)
}

function isSameAddress(text: string, octets: Uint8Array | undefined): boolean {
  const own = addressOctets(text)
  return own !== undefined && octets !== undefined && Buffer.compare(own, octets) === 0
}
