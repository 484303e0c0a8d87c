import type { Transport } from '../engine/client.ts'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EAFNOSUPPORT: 'this machine does not have the address family',
  EACCES: 'ports below 1024 need the right CAP_NET_BIND_SERVICE',
}

/** A listen address that could not be bound. The message names it, and what to look for. */
export class ListenFault extends Error {
  override readonly name = 'ListenFault'
  /** The system's error code, such as EADDRINUSE. */
  readonly code: string
  readonly endpoint: Endpoint
  readonly transport: Transport

  /** `occupant` is the endpoint of this process that is in the way, if one is. */
  constructor(
    endpoint: Endpoint,
    transport: Transport,
    cause: unknown,
    { occupant }: { readonly occupant?: Endpoint | undefined } = {},
  ) {
    const code = codeOf(cause)
    const reason =
      (occupant && ownReason(occupant)) ??
      REASONS[code] ??
      (cause instanceof Error ? cause.message : String(cause))
    super(`can't listen on ${formatEndpoint(endpoint)} (${transport.toUpperCase()}): ${reason} (${code})`, {
      cause,
    })
    this.code = code
    this.endpoint = endpoint
    this.transport = transport
  }
}

/** A process that takes over has the sockets of the one before, which answers on them until it does. */
function ownReason(occupant: Endpoint): string {
  return `freenet6 itself has ${formatEndpoint(occupant)}; if that is the process before, stop the service and start it`
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'EUNKNOWN'
}
