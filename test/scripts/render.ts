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
  mtu: 1420,
}
const SCRIPTS = new TunnelScripts(
  {
    origin: 'freenet6.net',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    publicUrl: 'http://192.0.2.1:8080',
    wireguard: WIREGUARD_FACTS,
  },
  OperatingSystems.load(),
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
  id: 'a1b2c3d4e5f6',
  publicKey: '',
  serverPublicKey: WIREGUARD_FACTS.serverPublicKey,
  endpoint: WIREGUARD_FACTS.endpoint,
  keepaliveSeconds: 25,
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

/** The template as it lies on disk. */
export function template(system: System, part: Part): string {
  return readFileSync(join(SYSTEMS_DIR, system, 'sit', `${part}.hbs`), 'utf8')
}

/** The text that a client gets, by the product's own renderer. */
export function render(system: System, part: Part, values: ScriptValues): string {
  return SCRIPTS.render(values, { os: system, kind: 'sit', part }) ?? ''
}
