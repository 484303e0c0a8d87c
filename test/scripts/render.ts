import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OperatingSystems } from '../../src/portal/operating-systems.ts'
import type { ScriptValues } from '../../src/portal/script-values.ts'
import { Templates } from '../../src/portal/templates.ts'
import { TunnelScripts } from '../../src/portal/tunnel-scripts.ts'

const SYSTEMS_DIR = join(import.meta.dirname, '../../templates/systems')
export const WIREGUARD_FACTS = {
  serverPublicKey: 'cHVibGljIGtleSBvZiB0aGUgc2VydmVyLCBhIHNhbXA=',
  endpoint: '192.0.2.1:51820',
}
export const largestMtuOf = (kind: string) => (kind === 'wireguard' ? 1420 : 1480)
const ALL_SYSTEMS = OperatingSystems.load()
const SCRIPTS = new TunnelScripts(
  {
    origin: 'freenet6.net',
    serverIpv4: '192.0.2.1',
    largestMtuOf,
    publicUrl: 'http://192.0.2.1:8080',
    ipv4Url: 'http://192.0.2.1:8080',
    wireguard: WIREGUARD_FACTS,
  },
  ALL_SYSTEMS,
  new Templates(),
)

export type { ScriptValues }

export const LINUX_SYSTEMS = ['linux', 'debian', 'netplan', 'systemd-networkd', 'networkmanager'] as const
export const BSD_SYSTEMS = ['freebsd', 'openbsd', 'netbsd', 'macos'] as const
/** Those whose scripts are for a shell. */
export const UNIX_SYSTEMS = [...LINUX_SYSTEMS, 'openwrt', ...BSD_SYSTEMS] as const
/** Those whose scripts are pasted or followed by hand. */
export const TEXT_SYSTEMS = [
  'cisco-ios',
  'junos',
  'mikrotik',
  'vyos',
  'edgeos',
  'fortios',
  'pfsense',
] as const
export const SYSTEMS = [...UNIX_SYSTEMS, 'windows', ...TEXT_SYSTEMS] as const
/** Those that have scripts for WireGuard. */
export const WIREGUARD_SYSTEMS = ALL_SYSTEMS.idsOf('wireguard')
export const ACTIONS = ['up', 'down'] as const

export type System = (typeof SYSTEMS)[number]
export type Part = (typeof ACTIONS)[number] | 'notes'

export const USUAL: ScriptValues = {
  ipv4Server: '192.0.2.1',
  ipv4Client: '192.0.2.2',
  ipv6Server: '2001:db8:f6:1::1',
  ipv6Client: '2001:db8:f6:1::2',
  prefixLength: 64,
  mtu: 1480,
  mss: 1420,
  name: 'nic.ca.freenet6.net',
  interfaceName: 'freenet6',
  origin: 'freenet6.net',
  publicUrl: 'http://192.0.2.1:8080',
  ipv4Url: 'http://192.0.2.1:8080',
  id: 'a1b2c3d4e5f6',
  publicKey: '',
  serverPublicKey: WIREGUARD_FACTS.serverPublicKey,
  endpoint: WIREGUARD_FACTS.endpoint,
  endpointHost: '192.0.2.1',
  endpointPort: 51_820,
  endpointIpv4: '192.0.2.1',
  keepaliveSeconds: 25,
  routedPrefix: '2001:db8:8000:100::/56',
  routedNetwork: '2001:db8:8000:100::/64',
  routedAddress: '2001:db8:8000:100::1',
}

/** Legal, and as long, as short or as odd as each value can be. */
export const ODD: readonly ScriptValues[] = [
  {
    ...USUAL,
    ipv4Client: '255.255.255.254',
    ipv6Server: '2001:db8:f600:1234:5678:9abc:def0:1',
    ipv6Client: '2001:db8:f600:1234:5678:9abc:def0:2',
    mtu: 65_515,
    mss: 65_455,
    name: `${'n'.repeat(63)}.ca.${'o'.repeat(63)}.${'p'.repeat(63)}`,
    publicUrl: 'https://broker.example.net:8443/some/path',
    ipv4Url: 'http://ipv4.broker.example.net',
  },
  {
    ...USUAL,
    ipv4Client: '1.0.0.1',
    ipv6Server: '::1',
    ipv6Client: '::2',
    mtu: 1280,
    mss: 1220,
    name: '0-0.xn--p1ai',
    id: '0',
  },
  { ...USUAL, name: 'xn--nxasmq6b--x.fr.a_b.example', prefixLength: 128, interfaceName: 'fn6-abcdefghijk' },
]

/** The client's key pair; its private half is on the client alone. */
export const PRIVATE_KEY = 'wIInzJn9f9zCtzD/Vweu3jwbpjD9Wa9usytesmoHBnI='
export const PUBLIC_KEY = '0sp83Kl2LOg3az5GUnS1e2coQ7t0I5dKVnykjiTj6Dc='

/** What a WireGuard tunnel's scripts are given. */
export const USUAL_WIREGUARD: ScriptValues = {
  ...USUAL,
  ipv4Client: '',
  mtu: 1420,
  mss: 1360,
  publicKey: PUBLIC_KEY,
}

/** As long, as short or as odd as those can be. */
export const ODD_WIREGUARD: readonly ScriptValues[] = [
  { ...USUAL_WIREGUARD, routedPrefix: '', routedNetwork: '', routedAddress: '', mtu: 1280, mss: 1220 },
  {
    ...USUAL_WIREGUARD,
    endpoint: `${'e'.repeat(63)}.example.net:65535`,
    endpointHost: `${'e'.repeat(63)}.example.net`,
    endpointPort: 65_535,
    endpointIpv4: '',
    ipv6Server: '2001:db8:f600:1234:5678:9abc:def0:1',
    ipv6Client: '2001:db8:f600:1234:5678:9abc:def0:2',
    name: `${'n'.repeat(63)}.ca.${'o'.repeat(63)}.${'p'.repeat(63)}`,
  },
  { ...USUAL_WIREGUARD, ipv6Server: '::1', ipv6Client: '::2', name: '0-0.xn--p1ai', id: '0' },
]

/** The template of a kind as it lies on disk. */
export function template(system: System, kind: 'sit' | 'wireguard', part: Part): string {
  return readFileSync(join(SYSTEMS_DIR, system, kind, `${part}.hbs`), 'utf8')
}

/** The text that a client gets, by the product's own renderer. */
export function render(system: System, part: Part, values: ScriptValues): string {
  return SCRIPTS.render(values, { os: system, kind: 'sit', part }) ?? ''
}

/** The same for a WireGuard tunnel. */
export function renderWireguard(system: string, part: Part, values: ScriptValues = USUAL_WIREGUARD): string {
  return SCRIPTS.render(values, { os: system, kind: 'wireguard', part }) ?? ''
}
