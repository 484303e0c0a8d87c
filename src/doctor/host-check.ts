import type { Config } from '../config/config.ts'
import type { StatusReport } from '../operator/status.ts'
import { type Finding, finding } from './finding.ts'
import type { HostFacts } from './host-facts.ts'

/** Bits of capabilities(7). */
const CAPABILITIES = [
  { name: 'CAP_NET_BIND_SERVICE', bit: 10n, use: 'Port 53' },
  { name: 'CAP_NET_ADMIN', bit: 12n, use: 'Making interfaces, routes and the source filter' },
  { name: 'CAP_NET_RAW', bit: 13n, use: 'Sending echoes without a program of its own' },
] as const
const COMMANDS = [
  { command: 'ip', package: 'iproute2' },
  { command: 'nft', package: 'nftables' },
] as const
const FIRST_FREE_PORT = 1024
const MIB = 1024 * 1024
const LEAST_FREE_MIB = 256
const LEAST_FREE_SHARE = 0.05

/** What is wrong with the machine and with the process that serves, as it says itself. */
export function checkHost(
  config: Pick<Config, 'dns' | 'tunnel' | 'monitor'>,
  status: StatusReport,
  host: HostFacts,
): readonly Finding[] {
  return [
    ...status.troubles.map(trouble => finding('own-trouble', { trouble })),
    ...status.warnings.map(warning => finding('own-warning', { warning })),
    ...diskFindings(status.data_dir),
    ...(host.isClockKept === false ? [finding('clock-free')] : []),
    ...tunnelFindings(config, status, host),
  ]
}

function diskFindings({ path, free_bytes: free, size_bytes: size }: StatusReport['data_dir']): Finding[] {
  const share = size === 0 ? 1 : free / size
  if (free >= LEAST_FREE_MIB * MIB && share >= LEAST_FREE_SHARE) return []
  return [finding('disk-low', { path, free: Math.floor(free / MIB), percent: Math.round(share * 100) })]
}

/** Of a machine that is to make real tunnels. */
function tunnelFindings(
  config: Pick<Config, 'dns' | 'tunnel' | 'monitor'>,
  { driver }: StatusReport,
  host: HostFacts,
): Finding[] {
  if (config.tunnel.driver === 'dry-run') return []
  const isDry = driver === 'dry-run'
  return [
    ...(isDry ? [finding('dry-run', { driver: `tunnel.driver = "${config.tunnel.driver}"` })] : []),
    ...COMMANDS.filter(({ command }) => !host.hasCommand(command) && isAskedFor(command, config)).map(
      missing => finding('command-missing', missing),
    ),
    ...CAPABILITIES.filter(({ bit }) => lacks(host, bit) && isNeeded(bit, config)).map(({ name, use }) =>
      finding('capability-missing', { capability: name, use }),
    ),
    ...(host.forwardsIpv6 ? [] : [finding('forwarding-off')]),
  ]
}

/** The process itself says what WireGuard does without nft; its source filter is the protocol's. */
function isAskedFor(command: string, { tunnel }: Pick<Config, 'tunnel'>): boolean {
  return command !== 'nft' || tunnel.kinds.includes('sit')
}

function lacks({ capabilities }: HostFacts, bit: bigint): boolean {
  return capabilities !== undefined && ((capabilities >> bit) & 1n) === 0n
}

function isNeeded(bit: bigint, { dns, monitor }: Pick<Config, 'dns' | 'monitor'>): boolean {
  if (bit === 10n) return dns.listen.some(({ port }) => port > 0 && port < FIRST_FREE_PORT)
  if (bit === 13n) return monitor.prober === 'auto' || monitor.prober === 'icmp'
  return true
}
