/** The configuration of a broker that others follow. */
import { type Endpoint, formatEndpoint } from '../../src/shared/endpoint.ts'
import type { SecondaryServer } from './secondary-server.ts'

export const ZONES = ['freenet6.net.', '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.']
export const KEY_NAME = 'transfer.example'
export const SECRET = Buffer.from('thirty-two octets that are known').toString('base64')

/** What dig is told to sign a query with. */
export const SIGNED = ['-y', `hmac-sha256:${KEY_NAME}:${SECRET}`]

export interface BrokerOptions {
  readonly journalBytes?: number
  readonly catalog?: string
  /** Addresses that may transfer without a key, beside those of secondaries that have none. */
  readonly allow?: readonly string[]
}

/** TOML text; secondaries that sign nothing are let in by their address. */
export function brokerConfig(
  primary: Endpoint,
  secondaries: readonly SecondaryServer[],
  { journalBytes = 67_108_864, catalog = '', allow = [] }: BrokerOptions = {},
): string {
  const listed = secondaries.map(
    ({ endpoint, isUnsigned }) =>
      `[[dns.secondaries]]\naddress = "${formatEndpoint(endpoint)}"\n${isUnsigned ? '' : `key = "${KEY_NAME}"\n`}`,
  )
  const unsigned = secondaries.filter(({ isUnsigned }) => isUnsigned).map(({ endpoint }) => endpoint.address)
  return `[dns]
listen = ["${formatEndpoint(primary)}"]
allow_transfer = ${JSON.stringify([`key:${KEY_NAME}`, ...unsigned, ...allow])}
notify_source = "127.0.0.1"
journal_bytes = ${journalBytes}
catalog_zone = "${catalog}"
[[dns.keys]]
name = "${KEY_NAME}"
algorithm = "hmac-sha256"
secret = "${SECRET}"
${listed.join('')}
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
`
}
