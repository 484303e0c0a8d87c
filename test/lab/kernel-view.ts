import { formatNetwork } from '../../src/kind/sit/shared-layout-entry.ts'
import { DEVICE_PREFIX } from './lab-broker.ts'
import { runQuietly } from './narrator.ts'

export type Layout = 'shared' | 'per-tunnel'

export const LAYOUTS: readonly Layout[] = ['shared', 'per-tunnel']

/** The tunnels as the broker's kernel has them, whole ones only: the client's endpoint by the tunnel's /64. */
export function readKernel(layout: Layout): ReadonlyMap<string, string> {
  return layout === 'shared' ? readSharedLayout() : readDevices()
}

/** The /64 of a client's address. */
export function networkOf(ipv6Client: string): string {
  return ipv6Client.replace(/::2$/, '::/64')
}

interface Device {
  readonly ifname: string
  readonly linkinfo: { readonly info_data: { readonly remote: string } }
  readonly addr_info: readonly { readonly scope: string; readonly local: string }[]
}

function readDevices(): ReadonlyMap<string, string> {
  const devices = readJson<Device>('-d', 'address', 'show', 'type', 'sit')
  const tunnels = new Map<string, string>()
  for (const { ifname, linkinfo, addr_info } of devices) {
    const address = addr_info?.find(({ scope }) => scope === 'global')?.local
    if (!ifname?.startsWith(DEVICE_PREFIX) || address === undefined) continue
    tunnels.set(address.replace(/::1$/, '::/64'), linkinfo.info_data.remote)
  }
  return tunnels
}

/** A tunnel is whole where route, server's address and element of the set agree. */
function readSharedLayout(): ReadonlyMap<string, string> {
  const routes = readJson<{ dst: string; gateway: string }>(
    '-6',
    'route',
    'show',
    'dev',
    `${DEVICE_PREFIX}all`,
    'proto',
    '246',
  )
  const locals = readJson<{ dst: string }>('-6', 'route', 'show', 'table', 'local', 'proto', '246')
  const addresses = new Set(locals.map(({ dst }) => dst))
  const { stdout } = runQuietly('broker', ['nft', 'list', 'set', 'ip', 'freenet6', 'tunnels'])
  const elements = new Set(
    Array.from(stdout.matchAll(/([\d.]+) \. 0x([0-9a-f]+)/g), ([, endpoint, digits = '']) => {
      return `${endpoint} ${formatNetwork({ network: digits.padStart(16, '0'), length: 64 })}`
    }),
  )
  const tunnels = new Map<string, string>()
  for (const { dst, gateway } of routes) {
    const endpoint = gateway.replace(/^::/, '')
    const isWhole = elements.has(`${endpoint} ${dst}`) && addresses.has(dst.replace(/::\/64$/, '::1'))
    if (isWhole) tunnels.set(dst, endpoint)
  }
  return tunnels
}

function readJson<T>(...args: readonly string[]): readonly T[] {
  const { stdout } = runQuietly('broker', ['ip', '-j', ...args])
  return stdout.trim() === '' ? [] : JSON.parse(stdout)
}
