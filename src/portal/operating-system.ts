import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What a page says about an operating system before anybody registers, and how its scripts are kept. */
export interface OperatingSystem {
  readonly id: string
  readonly title: string
  /** Where the system's own IPv6 stack and tunnels are described: the draft's pointer to an implementation. */
  readonly stack: { readonly text: string; readonly url: string }
  readonly prerequisites: readonly string[]
  /** A command that shows whether the prerequisites are met. */
  readonly check: string
  /** File ending of its scripts. */
  readonly ending: 'sh' | 'cmd'
}

export const SCRIPTS_DIR = join(import.meta.dirname, '..', '..', 'templates', 'scripts')

const ALL: readonly OperatingSystem[] = [
  {
    id: 'linux',
    title: 'Linux',
    stack: {
      text: 'ip-tunnel(8), the manual of sit tunnels',
      url: 'https://man7.org/linux/man-pages/man8/ip-tunnel.8.html',
    },
    prerequisites: [
      'A kernel with the sit module: every usual distribution has it',
      'iproute2, or BusyBox with ip',
      'Root',
    ],
    check: 'modinfo sit | head -1 && ip -V',
    ending: 'sh',
  },
  {
    id: 'debian',
    title: 'Debian and Ubuntu with ifupdown',
    stack: { text: 'interfaces(5), method v4tunnel', url: 'https://manpages.debian.org/interfaces.5' },
    prerequisites: ['ifupdown, with /etc/network/interfaces.d', 'iproute2', 'Root'],
    check: 'command -v ifup && modinfo sit | head -1',
    ending: 'sh',
  },
  {
    id: 'freebsd',
    title: 'FreeBSD',
    stack: { text: 'gif(4), the generic tunnel interface', url: 'https://man.freebsd.org/gif/4' },
    prerequisites: ['A kernel with gif(4): GENERIC has it', 'Root'],
    check: 'kldstat -m if_gif || kldload -n if_gif',
    ending: 'sh',
  },
  {
    id: 'macos',
    title: 'macOS',
    stack: { text: 'ifconfig(8), the gif0 interface', url: 'https://ss64.com/mac/ifconfig.html' },
    prerequisites: ['The gif0 interface, which every macOS has', 'An administrator’s password'],
    check: 'ifconfig gif0',
    ending: 'sh',
  },
  {
    id: 'windows',
    title: 'Windows',
    stack: {
      text: 'netsh interface ipv6',
      url: 'https://learn.microsoft.com/windows-server/networking/technologies/netsh/netsh-interface-ipv6',
    },
    prerequisites: ['Windows 8.1 or Server 2012 R2, or later', 'A command window as administrator'],
    check: 'netsh interface ipv6 show global',
    ending: 'cmd',
  },
]

/** The systems that there are scripts for. */
export const OPERATING_SYSTEMS: readonly OperatingSystem[] = ALL.filter(({ id }) =>
  existsSync(join(SCRIPTS_DIR, id, 'up.hbs')),
)

export const SCRIPTED_OS_IDS: readonly string[] = OPERATING_SYSTEMS.map(({ id }) => id)

export function operatingSystem(id: string): OperatingSystem | undefined {
  return OPERATING_SYSTEMS.find(system => system.id === id)
}
