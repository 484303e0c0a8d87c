import { isIP } from 'node:net'
import type { RunIp } from '../kernel/ip-command.ts'
import { parseArray } from '../kernel/ip-json.ts'

/** A router that our packets leave by; a link-local address has its interface (fe80::1%eth0). */
export interface Gateway {
  readonly family: 4 | 6
  readonly address: string
}

/**
 * The first address of what IANA gives out (RFC 4291 2.4). The kernel is asked for the way there, and nothing is sent: a
 * listing of all routes would name every tunnel's.
 */
const SOMEWHERE = '2000::'

/** Default gateways of both families; undefined if the kernel could not be asked. */
export async function defaultGateways(run: RunIp): Promise<readonly Gateway[] | undefined> {
  const [ipv4, ipv6] = await Promise.all([
    run(['-json', '-4', 'route', 'show', 'default']),
    run(['-json', '-6', 'route', 'get', SOMEWHERE]),
  ])
  // `route get` fails if there is no way, `route show` if there is no `ip`.
  if (ipv4.status !== 0) return undefined
  return [...gatewaysIn(ipv4.stdout, 4), ...(ipv6.status === 0 ? gatewaysIn(ipv6.stdout, 6) : [])]
}

function gatewaysIn(json: string, family: 4 | 6): Gateway[] {
  return (parseArray(json) ?? []).flatMap(entry => {
    if (typeof entry !== 'object' || entry === null) return []
    const { gateway, dev }: { gateway?: unknown; dev?: unknown } = entry
    if (typeof gateway !== 'string' || isIP(gateway) !== family) return []
    const isLinkLocal = gateway.toLowerCase().startsWith('fe80:')
    return [{ family, address: isLinkLocal && typeof dev === 'string' ? `${gateway}%${dev}` : gateway }]
  })
}
