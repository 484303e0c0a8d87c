import type { TunnelKind } from '../../tunnel/kind.ts'
import type { KindFields } from '../../tunnel/tunnel.ts'
import { chooseInterfaces } from './choose-interfaces.ts'
import { removeSitLeftovers } from './sit-leftovers.ts'

const FIELDS: KindFields = { name: 'sit' }

/** IPv6 in IPv4 (RFC 4213 3): the client is known by its IPv4 endpoint, and there is nothing else to keep. */
export const SIT: TunnelKind = {
  name: 'sit',
  scripts: 'sit',
  hasEndpoint: true,
  readFields: () => FIELDS,
  admit: () => [],
  largestMtu: ({ mtu }) => mtu,
  rrsetsOf: () => [],
  openDriver: chooseInterfaces,
  removeLeftovers: ({ devicePrefix, log }) => removeSitLeftovers(devicePrefix, { log }),
}
