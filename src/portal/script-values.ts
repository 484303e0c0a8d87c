import { parseIpv4 } from '../address/ipv4.ts'
import { parseIpv6 } from '../address/ipv6.ts'
import type { MtuFacts } from '../tunnel/mtu.ts'

/** Facts of the service that stand in every script. */
export interface ScriptFacts extends MtuFacts {
  readonly origin: string
  readonly serverIpv4: string
  readonly publicUrl: string
  /** Where visitors come over IPv4 alone, or else the public URL. */
  readonly ipv4Url: string
  readonly wireguard: WireguardFacts
}

/** What a client of WireGuard is told of the server. */
export interface WireguardFacts {
  /** Empty if the server has none: then it offers no WireGuard. */
  readonly serverPublicKey: string
  /** Host and port. */
  readonly endpoint: string
}

/** Everything that a script's template may name. */
export interface ScriptValues {
  readonly ipv4Server: string
  readonly ipv4Client: string
  readonly ipv6Server: string
  readonly ipv6Client: string
  readonly prefixLength: number
  readonly mtu: number
  /** What a TCP segment may carry in a packet of that MTU (RFC 8200 8.3). */
  readonly mss: number
  readonly name: string
  readonly interfaceName: string
  readonly origin: string
  readonly publicUrl: string
  /** Where updates are sent to. */
  readonly ipv4Url: string
  readonly id: string
  /** The client's; empty for kinds without one. */
  readonly publicKey: string
  /** The server's; empty only for kinds without one. */
  readonly serverPublicKey: string
  /** The server's UDP endpoint; then its parts, for systems that want them one by one. */
  readonly endpoint: string
  readonly endpointHost: string
  readonly endpointPort: number
  /** The host if it is an address; empty if it is a name. */
  readonly endpointIpv4: string
  readonly keepaliveSeconds: number
  /** What is routed to the client beside its link, the first /64 of it, and an address in that; empty: nothing is. */
  readonly routedPrefix: string
  readonly routedNetwork: string
  readonly routedAddress: string
}

/** A value that must not reach a script: it could be read as a command. */
export class ScriptValueFault extends Error {
  readonly code = 'script-value'
}

const DOMAIN_NAME = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20}$/

const isIpv4 = (value: unknown) => typeof value === 'string' && parseIpv4(value) !== undefined
const isIpv6 = (value: unknown) =>
  typeof value === 'string' && /^[0-9a-f:]{2,39}$/.test(value) && parseIpv6(value) !== undefined
const isNumber = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
const isDomainName = (value: unknown) => typeof value === 'string' && DOMAIN_NAME.test(value)
const matches = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value)
const isUrl = matches(/^https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._/-]*)?$/)
const isPrefixOrNone = matches(/^(?:[0-9a-f:]{2,39}\/[0-9]{2})?$/)

const RULES: Readonly<Record<keyof ScriptValues, (value: unknown) => boolean>> = {
  ipv4Server: isIpv4,
  ipv4Client: value => value === '' || isIpv4(value),
  ipv6Server: isIpv6,
  ipv6Client: isIpv6,
  prefixLength: isNumber,
  mtu: isNumber,
  mss: isNumber,
  name: isDomainName,
  origin: isDomainName,
  interfaceName: matches(/^[A-Za-z][A-Za-z0-9_-]{0,14}$/),
  publicUrl: isUrl,
  ipv4Url: isUrl,
  id: matches(/^[a-z0-9]{1,64}$/),
  publicKey: matches(/^(?:[A-Za-z0-9+/]{43}=)?$/),
  serverPublicKey: matches(/^(?:[A-Za-z0-9+/]{43}=)?$/),
  endpoint: matches(/^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$/),
  endpointHost: matches(/^[A-Za-z0-9.-]{1,253}$/),
  endpointPort: isNumber,
  endpointIpv4: value => value === '' || isIpv4(value),
  keepaliveSeconds: isNumber,
  routedPrefix: isPrefixOrNone,
  routedNetwork: isPrefixOrNone,
  routedAddress: value => value === '' || isIpv6(value),
}

/**
 * Lets values through to a script, which escapes nothing: each must look like what it is, whatever the database or the
 * configuration held. Throws ScriptValueFault, which names the value and never repeats it.
 */
export function checkScriptValues(values: ScriptValues): ScriptValues {
  for (const [name, rule] of Object.entries(RULES) as [keyof ScriptValues, (value: unknown) => boolean][]) {
    if (!rule(values[name])) throw new ScriptValueFault(`${name} is not fit to stand in a script`)
  }
  if (values.publicKey !== '' && values.serverPublicKey === '')
    throw new ScriptValueFault('serverPublicKey is not fit to stand in a script')
  return values
}
