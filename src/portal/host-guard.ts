import type { IncomingMessage } from 'node:http'
import { problem } from '../shared/problem.ts'
import { refuse } from './refused.ts'

/**
 * Refuses a request that was sent to another name than ours (RFC 9110 15.5.20). A page of somebody else's can point
 * its own name at this address (DNS rebinding) and would then count as same-origin with us: the name in Host tells.
 * Ours are the public URL's host and the address that the connection came to, which no DNS name can stand for.
 */
export function guardHost(request: IncomingMessage, publicHost: string): void {
  const { socket } = request
  const host = hostOf(request)
  if (host === undefined) {
    if (request.httpVersion === '1.0') return // no browser
    throw refuse(problem('host-missing', {})) // RFC 9112 3.2
  }
  const name = URL.parse(`http://${host}`)?.hostname
  if (name === publicHost) return
  const local = (socket.localAddress ?? '').replace(/^::ffff:/, '')
  if (name === (local.includes(':') ? `[${local}]` : local)) return
  if (name === 'localhost' && isLoopback(local)) return // no browser asks the DNS for it (RFC 6761 6.3)
  throw refuse(problem('misdirected', { host: publicHost }))
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
