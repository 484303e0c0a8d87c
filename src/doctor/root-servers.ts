import type { Endpoint } from '../shared/endpoint.ts'

const DNS_PORT = 53

/** The servers of the root zone, as IANA publishes them (https://www.internic.net/domain/named.root). */
const ADDRESSES = [
  '198.41.0.4', // a
  '170.247.170.2', // b
  '192.33.4.12', // c
  '199.7.91.13', // d
  '192.203.230.10', // e
  '192.5.5.241', // f
  '192.112.36.4', // g
  '198.97.190.53', // h
  '192.36.148.17', // i
  '192.58.128.30', // j
  '193.0.14.129', // k
  '199.7.83.42', // l
  '202.12.27.33', // m
  '2001:500:2::c',
  '2001:500:2f::f',
  '2001:7fd::1', // k
]

export const ROOT_SERVERS: readonly Endpoint[] = ADDRESSES.map(address => ({ address, port: DNS_PORT }))
