import { type Prefix, prefixContains } from '../address/prefix.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Client } from './client.ts'

/** Who may transfer: an address or block, or the name of a TSIG key in wire form and lower case. */
export type TransferPeer = Prefix | { readonly key: Uint8Array }

/** Is the client one of these, by its address or by the key that it has signed with? */
export function isAmong(
  peers: readonly TransferPeer[],
  client: Client,
  keyName: Uint8Array | undefined,
): boolean {
  const address = client.octets.subarray(0, client.length)
  return peers.some(peer =>
    'key' in peer
      ? keyName !== undefined && isSameName(peer.key, 0, keyName, 0)
      : prefixContains(peer, address),
  )
}
