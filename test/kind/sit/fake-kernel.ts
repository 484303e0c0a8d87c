import type { IpOutcome, RunIp } from '../../../src/kernel/ip-command.ts'

interface Device {
  kind: 'sit' | 'dummy'
  remote: string
  local: string
  mtu: number
  up: boolean
  addresses: string[]
}

/** As much of `ip` and of the kernel's rules for sit devices as the driver uses, with the words of iproute2 6.1. */
export class FakeKernel {
  readonly devices = new Map<string, Device>()
  readonly routes: string[] = []
  readonly calls: (readonly string[])[] = []
  readonly lines: string[] = []
  /** Lines that match fail with these words. */
  broken: { readonly match: RegExp; readonly words: string } | undefined
  /** The batch ends at a line that matches, as after a mistake in it. */
  endsAt: RegExp | undefined

  readonly run: RunIp = async (args, input = '') => {
    this.calls.push(args)
    if (args.includes('-batch')) return this.#batch(input.split('\n').filter(line => line !== ''))
    if (args[0] === '-json') return { status: 0, stdout: this.#list(), stderr: '' }
    const trouble = this.#obey(args.join(' '))
    return { status: trouble === undefined ? 0 : 2, stdout: '', stderr: trouble ?? '' }
  }

  add(name: string, device: Partial<Device> = {}): void {
    const defaults = {
      kind: 'sit',
      remote: '',
      local: '192.0.2.1',
      mtu: 1480,
      up: true,
      addresses: [],
    } as const
    this.devices.set(name, { ...defaults, addresses: [], ...device })
  }

  #batch(lines: readonly string[]): IpOutcome {
    let stderr = ''
    for (const [index, line] of lines.entries()) {
      this.lines.push(line)
      if (this.endsAt?.test(line)) {
        return {
          status: 1,
          stdout: '',
          stderr: `${stderr}Error: any valid prefix is expected rather than "x".\n`,
        }
      }
      const trouble = this.#obey(line)
      if (trouble !== undefined) stderr += `${trouble}\nCommand failed -:${index + 1}\n`
    }
    return { status: stderr === '' ? 0 : 1, stdout: '', stderr }
  }

  #obey(line: string): string | undefined {
    if (this.broken?.match.test(line)) return this.broken.words
    const words = line.split(' ')
    const after = (word: string) => words[words.indexOf(word) + 1] ?? ''
    if (line.startsWith('-6 route replace')) {
      this.routes.push(line)
      return undefined
    }
    if (line.startsWith('route ')) return undefined
    if (line.startsWith('link add')) return this.#addLink(after)
    if (line.startsWith('link set')) return this.#change(after)
    if (line.startsWith('address add')) return this.#addAddress(words[2] ?? '', after('dev'))
    if (line.startsWith('tunnel del')) return this.#delete(words[2] ?? '')
    return `Object "${line}" is unknown, try "ip help".`
  }

  #addLink(after: (word: string) => string): string | undefined {
    const taken = this.devices.has(after('name')) || this.#holder(after('remote')) !== undefined
    if (taken) return 'RTNETLINK answers: File exists'
    this.add(after('name'), { remote: after('remote'), local: after('local'), mtu: Number(after('mtu')) })
    return undefined
  }

  #change(after: (word: string) => string): string | undefined {
    const device = this.devices.get(after('dev'))
    if (device === undefined) return `Cannot find device "${after('dev')}"`
    const holder = this.#holder(after('remote'))
    if (holder !== undefined && holder !== after('dev')) return 'RTNETLINK answers: File exists'
    device.remote = after('remote')
    return undefined
  }

  #addAddress(address: string, name: string): string | undefined {
    const device = this.devices.get(name)
    if (device === undefined) return `Cannot find device "${name}"`
    if (device.addresses.includes(address)) return 'RTNETLINK answers: File exists'
    device.addresses.push(address)
    return undefined
  }

  #delete(name: string): string | undefined {
    const device = this.devices.get(name)
    if (device === undefined) return `delete tunnel "${name}" failed: No such device`
    if (device.kind !== 'sit') return `delete tunnel "${name}" failed: Operation not supported`
    this.devices.delete(name)
    return undefined
  }

  #holder(remote: string): string | undefined {
    for (const [name, device] of this.devices) {
      if (device.kind === 'sit' && device.remote === remote) return name
    }
    return undefined
  }

  #list(): string {
    const entries = [...this.devices].map(([ifname, device]) => {
      if (device.kind !== 'sit') return {} // what `type sit` leaves out is an empty object
      return {
        ifname,
        mtu: device.mtu,
        flags: ['POINTOPOINT', 'NOARP', ...(device.up ? ['UP', 'LOWER_UP'] : [])],
        linkinfo: {
          info_kind: 'sit',
          info_data: { proto: 'ip6ip', remote: device.remote, local: device.local, ttl: 64 },
        },
        addr_info: device.addresses.map(address => {
          const [local, length] = address.split('/')
          return { family: 'inet6', local, prefixlen: Number(length), scope: 'global' }
        }),
      }
    })
    return JSON.stringify(entries)
  }
}
