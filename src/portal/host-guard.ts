import type { IncomingMessage } from 'node:http'
import { problem } from '../shared/problem.ts'
import { refuse } from './refused.ts'

/**
 * Refuses a request that was sent to another name than ours (RFC 9110 15.5.20). A page of somebody else's can point
 * its own name at this address (DNS rebinding) and would then count as same-origin with us: the name in Host tells.
 * Ours are the public URL's host, the name for IPv4 alone, and the address that the connection came to, which no DNS
 * name can stand for.
 */
export function guardHost(
  request: IncomingMessage,
  { publicHost, ipv4Host }: { readonly publicHost: string; readonly ipv4Host: string | undefined },
): void {
  const { socket } = request
  const host = hostOf(request)
  if (host === undefined) {
    if (request.httpVersion === '1.0') return // no browser
    throw refuse(problem('host-missing', {})) // RFC 9112 3.2
  }
  const name = nameIn(host)
  if (name === publicHost || (name !== undefined && name === ipv4Host)) return
  const local = (socket.localAddress ?? '').replace(/^::ffff:/, '')
  if (name === (local.includes(':') ? `[${local}]` : local)) return
  if (name === 'localhost' && isLoopback(local)) return // no browser asks the DNS for it (RFC 6761 6.3)
  throw refuse(problem('misdirected', { host: publicHost }))
}

/** Whether a request was sent to the name that leads here over IPv4 alone. */
export function isToIpv4Name(request: IncomingMessage, ipv4Host: string | undefined): boolean {
  return ipv4Host !== undefined && nameIn(hostOf(request) ?? '') === ipv4Host
}

function nameIn(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname
}

/** RFC 9112 3.2: of several headers none is right. 3.2.2: where the target is a URL, its host counts and the header does not. */
function hostOf({ headersDistinct, url = '' }: IncomingMessage): string | undefined {
  const [host, ...others] = headersDistinct.host ?? []
  if (others.length > 0) throw refuse(problem('host-repeated', {}))
  return url.startsWith('/') ? host : (URL.parse(url)?.host ?? host)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
