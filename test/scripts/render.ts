import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Handlebars from 'handlebars'

const SCRIPTS_DIR = join(import.meta.dirname, '../../templates/scripts')

export const UNIX_SYSTEMS = ['linux', 'debian', 'freebsd', 'macos'] as const
export const SYSTEMS = [...UNIX_SYSTEMS, 'windows'] as const
export const ACTIONS = ['up', 'down'] as const

export type System = (typeof SYSTEMS)[number]
export type Part = (typeof ACTIONS)[number] | 'notes'

/** The values that a script template may use; all of them are formatted by the broker, none is free text. */
export interface ScriptValues {
  readonly ipv4Server: string
  readonly ipv4Client: string
  readonly ipv6Server: string
  readonly ipv6Client: string
  readonly prefixLength: number
  readonly mtu: number
  readonly name: string
  readonly interfaceName: string
  readonly origin: string
  readonly publicUrl: string
  readonly id: string
}

export const USUAL: ScriptValues = {
  ipv4Server: '192.0.2.1',
  ipv4Client: '192.0.2.2',
  ipv6Server: '2001:db8:f6:1::1',
  ipv6Client: '2001:db8:f6:1::2',
  prefixLength: 64,
  mtu: 1480,
  name: 'nic.ca.freenet6.net',
  interfaceName: 'freenet6',
  origin: 'freenet6.net',
  publicUrl: 'http://192.0.2.1:8080',
  id: 'a1b2c3d4e5f6',
}

/** Legal, and as long, as short or as odd as each value can be. */
export const ODD: readonly ScriptValues[] = [
  {
    ...USUAL,
    ipv4Client: '255.255.255.254',
    ipv6Server: '2001:db8:f600:1234:5678:9abc:def0:1',
    ipv6Client: '2001:db8:f600:1234:5678:9abc:def0:2',
    mtu: 65_515,
    name: `${'n'.repeat(63)}.ca.${'o'.repeat(63)}.${'p'.repeat(63)}`,
    publicUrl: 'https://broker.example.net:8443/some/path',
  },
  {
    ...USUAL,
    ipv4Client: '1.0.0.1',
    ipv6Server: '::1',
    ipv6Client: '::2',
    mtu: 1280,
    name: '0-0.xn--p1ai',
    id: '0',
  },
  { ...USUAL, name: 'xn--nxasmq6b--x.fr.a_b.example', prefixLength: 128, interfaceName: 'fn6-abcdefghijk' },
]

/** The template as it lies on disk. */
export function template(system: System, part: Part): string {
  return readFileSync(join(SCRIPTS_DIR, system, `${part}.hbs`), 'utf8')
}

/** The text that a client gets. A value that the template uses and we lack is an error. */
export function render(system: System, part: Part, values: ScriptValues): string {
  return Handlebars.compile(template(system, part), { noEscape: true, strict: true })(values)
}
