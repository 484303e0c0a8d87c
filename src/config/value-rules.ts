import { parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import { formatPrefix, LINK_PREFIX_LENGTH, type Prefix, prefixContains } from '../address/prefix.ts'
import { specialPurpose } from '../address/special-purpose.ts'
import { isGlobalUnicast, unicastKind } from '../address/unicast.ts'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import { formatName } from '../wire/name.ts'
import { catalogMistakes } from './catalog-rules.ts'
import type { ConfigValues } from './schema.ts'

/** What values say together: mistakes that keep the configuration from being used, and warnings that don't. */
export interface RuleFindings {
  readonly mistakes: readonly string[]
  readonly warnings: readonly string[]
}

/** Octets of a path in sockaddr_un, without the final zero (unix(7)). */
const LONGEST_SOCKET_PATH = 107
/** RFC 8945 8: a secret as long as the output of its hash; less than this is within reach of a search. */
const SHORT_SECRET = 16

/** Checks values that are right each for itself. */
export function ruleFindings(values: ConfigValues): RuleFindings {
  const addresses = [prefixFindings(values), routedFindings(values), serverFindings(values)]
  return {
    mistakes: [
      ...addresses.flatMap(({ mistakes }) => mistakes),
      ...listenMistakes(values),
      ...overlapMistakes(values),
      ...catalogMistakes(values),
      ...socketMistakes(values),
      ...ipv4UrlMistakes(values),
      ...mailMistakes(values),
      ...webhookMistakes(values),
    ],
    warnings: [
      ...addresses.flatMap(({ warnings }) => warnings),
      ...timeWarnings(values),
      ...poolWarnings(values),
      ...secretWarnings(values),
      ...transferWarnings(values),
      ...sharedKeyWarnings(values),
      ...loopbackWarnings(values),
      ...proxyWarnings(values),
      ...wireguardWarnings(values),
    ],
  }
}

/** Of the name that has an IPv4 address alone only `/ip` and updates are served: pages need another one. */
function ipv4UrlMistakes({ web }: ConfigValues): readonly string[] {
  const line = `web.ipv4_url = "${web.ipv4_url}"`
  const host = URL.parse(web.ipv4_url)?.hostname
  if (host === undefined) return []
  if (host.startsWith('[')) return [`${line}: expected a name that has an IPv4 address alone`]
  const publicUrl = URL.parse(web.public_url)
  if (publicUrl === null) return [`${line}: takes web.public_url as well, where pages are`]
  if (host === publicUrl.hostname)
    return [`${line}: expected another name than that of web.public_url, with an IPv4 address alone`]
  // A key would go in clear, and no browser lets a page of the one ask the other.
  if (publicUrl.protocol === 'https:' && !web.ipv4_url.startsWith('https:'))
    return [`${line}: expected a URL with https, as web.public_url is`]
  return []
}

function mailMistakes({ mail }: ConfigValues): readonly string[] {
  if (mail.smtp === '' || mail.from !== '') return []
  return ['mail.from: expected the e-mail address that mail.smtp sends from']
}

/** Nothing is posted to other addresses: a host that is one would be offered in vain. */
function webhookMistakes({ webhook, tunnel }: ConfigValues): readonly string[] {
  if (tunnel.allow_special_purpose) return []
  return webhook.hosts
    .filter(host => isInner(URL.parse(`https://${host}/`)?.hostname.replace(/^\[|\]$/g, '') ?? ''))
    .map(
      host =>
        `webhook.hosts = "${host}": expected a host of the public Internet (in a laboratory: allow_special_purpose)`,
    )
}

function isInner(hostname: string): boolean {
  const isAddress = hostname.includes(':') || parseIpv4(hostname) !== undefined
  return hostname === 'localhost' || (isAddress && !isGlobalUnicast(hostname))
}

const NOTHING: RuleFindings = { mistakes: [], warnings: [] }

function prefixFindings({ tunnel }: ConfigValues): RuleFindings {
  return unicastFindings(tunnel, { key: 'tunnel.prefix', prefix: tunnel.prefix })
}

function routedFindings({ tunnel }: ConfigValues): RuleFindings {
  const { prefix, routed_prefix: routed, routed_length: length } = tunnel
  if (routed === undefined) return NOTHING
  const line = `tunnel.routed_prefix = "${formatPrefix(routed)}"`
  if (routed.length > length)
    return { mistakes: [`${line}: has no room for a /${length} (tunnel.routed_length)`], warnings: [] }
  if (prefixContains(prefix, routed.octets) || prefixContains(routed, prefix.octets))
    return { mistakes: [`${line}: overlaps tunnel.prefix, whose addresses are the links' own`], warnings: [] }
  return unicastFindings(tunnel, { key: 'tunnel.routed_prefix', prefix: routed })
}

function unicastFindings(
  tunnel: ConfigValues['tunnel'],
  { key, prefix }: { readonly key: string; readonly prefix: Prefix },
): RuleFindings {
  const kind = unicastKind(prefix)
  if (kind === 'global' || tunnel.allow_special_purpose) return NOTHING
  const line = `${key} = "${formatPrefix(prefix)}"`
  if (kind === 'documentation')
    return { mistakes: [], warnings: [`${line}: is set aside for documentation: nobody routes it to you`] }
  return {
    mistakes: [`${line}: expected a global unicast prefix (in a laboratory: allow_special_purpose)`],
    warnings: [],
  }
}

function serverFindings({ tunnel }: ConfigValues): RuleFindings {
  const kind = specialPurpose(parseIpv4(tunnel.server_ipv4) ?? 0)
  if (kind === undefined || tunnel.allow_special_purpose) return NOTHING
  const line = `tunnel.server_ipv4 = "${tunnel.server_ipv4}"`
  if (kind === 'documentation')
    return { mistakes: [], warnings: [`${line}: is set aside for documentation: no client reaches it`] }
  return {
    mistakes: [`${line}: expected a public unicast address (in a laboratory: allow_special_purpose)`],
    warnings: [],
  }
}

/** An endpoint as text, its address in the one canonical way (RFC 5952). */
function canonical({ address, port }: Endpoint): string {
  const octets = parseIpv6(address)
  return formatEndpoint({ address: octets === undefined ? address : formatIpv6(octets), port })
}

/** Port 0 is another one each time. */
function listenMistakes({ dns, web }: ConfigValues): string[] {
  const listed = [...dns.listen, ...dns.tls.listen].filter(({ port }) => port !== 0).map(canonical)
  const twice = new Set(listed.filter((text, index) => listed.indexOf(text) !== index))
  const shared = listed.includes(canonical(web.listen)) ? [canonical(web.listen)] : []
  return [
    ...[...twice].map(text => `dns.listen = "${text}": stands there twice`),
    ...shared.map(text => `web.listen = "${text}": dns.listen has the same address and port`),
  ]
}

/** What has a whole port of a family leaves no address of it to others, TCP's at least; IPv6 sockets take no IPv4. */
function overlapMistakes({ dns, web }: ConfigValues): string[] {
  const listed = [
    ...dns.listen.map(endpoint => ({ key: 'dns.listen', text: canonical(endpoint) })),
    ...dns.tls.listen.map(endpoint => ({ key: 'dns.tls.listen', text: canonical(endpoint) })),
    { key: 'web.listen', text: canonical(web.listen) },
  ]
  return listed.flatMap(({ key, text }) => {
    const all = listed.find(other => other.text !== text && other.text === wildcardOf(text))
    return all === undefined
      ? []
      : [`${key} = "${text}": "${all.text}" of ${all.key} takes every address of this port`]
  })
}

/** The endpoint of the same family and port that has every address. Undefined for port 0, another one each time. */
function wildcardOf(endpoint: string): string | undefined {
  const [, port = '0'] = /:([0-9]+)$/.exec(endpoint) ?? []
  if (port === '0') return undefined
  return endpoint.startsWith('[') ? `[::]:${port}` : `0.0.0.0:${port}`
}

function socketMistakes({ control }: ConfigValues): string[] {
  const length = Buffer.byteLength(control.socket)
  if (length <= LONGEST_SOCKET_PATH) return []
  return [
    `control.socket = "${control.socket}": expected a path of at most ${LONGEST_SOCKET_PATH} octets, not ${length}`,
  ]
}

function timeWarnings({ monitor }: ConfigValues): string[] {
  if (monitor.timeout <= monitor.interval) return []
  return [
    `monitor.timeout = "${monitor.timeout}ms": is longer than monitor.interval: rounds take longer than they should`,
  ]
}

function poolWarnings({ tunnel }: ConfigValues): string[] {
  const room = 2 ** (LINK_PREFIX_LENGTH - tunnel.prefix.length)
  if (tunnel.max_tunnels <= room) return []
  const prefix = formatPrefix(tunnel.prefix)
  return [`tunnel.max_tunnels = ${tunnel.max_tunnels}: ${prefix} has room for ${room} tunnels alone`]
}

function transferWarnings({ dns }: ConfigValues): string[] {
  if (dns.secondaries.length === 0 || dns.allow_transfer.length > 0) return []
  return ['dns.secondaries: are told of changes, and dns.allow_transfer lets nobody have them']
}

/** A transfer that is signed with it is that one's whose address it comes from: others seem to be behind. */
function sharedKeyWarnings({ dns }: ConfigValues): string[] {
  const keys = dns.secondaries.flatMap(({ key }) => key?.toLowerCase().replace(/\.$/, '') ?? [])
  const shared = new Set(keys.filter((key, index) => keys.indexOf(key) !== index))
  return [...shared].map(
    key =>
      `dns.secondaries: several have the key "${key}": a transfer counts for the one whose address it comes from, and one that never asks from its address is behind for ever; give each a key of its own`,
  )
}

/** A default, or a line that was lost: resolvers elsewhere may be served through a proxy, secondaries are told to come here. */
function loopbackWarnings({ dns }: ConfigValues): string[] {
  const isFollowedFromElsewhere = dns.secondaries.some(({ address }) => !isLoopback(address))
  if (!isFollowedFromElsewhere || !dns.listen.every(isLoopback)) return []
  return ['dns.listen: has addresses of loopback alone, where dns.secondaries of other machines reach nobody']
}

function isLoopback({ address }: Endpoint): boolean {
  return address.startsWith('127.') || canonical({ address, port: 0 }) === '[::1]:0'
}

function proxyWarnings({ web }: ConfigValues): string[] {
  if (web.trusted_proxies.length === 0 || web.public_url !== '') return []
  return ['web.trusted_proxies: visitors come by a proxy, and web.public_url does not say to which URL']
}

function secretWarnings({ dns }: ConfigValues): string[] {
  return dns.keys
    .filter(({ secret }) => secret.length < SHORT_SECRET)
    .map(
      ({ name, secret }) =>
        `dns.keys "${formatName(name)}": the secret has ${secret.length} octets: make it ${SHORT_SECRET} or more`,
    )
}

/** WireGuard listens on every address, and there is nothing for it if one of them has another listener. */
function wireguardWarnings({ dns, tunnel: { kinds, wireguard } }: ConfigValues): string[] {
  const { port } = wireguard
  if (!kinds.includes('wireguard') || dns.listen.every(listener => listener.port !== port)) return []
  return [`tunnel.wireguard.port = ${port}: dns.listen has this port: WireGuard gets it on no address`]
}
