import type { RunIp } from '../../src/kernel/ip-command.ts'
import type { RunNft } from '../../src/kernel/nft-command.ts'
import { FakeKernel } from '../kind/sit/fake-kernel.ts'
import { FakeSharedKernel } from '../kind/sit/fake-shared-kernel.ts'

export const LAYOUTS = ['shared', 'per-tunnel'] as const
export type Layout = (typeof LAYOUTS)[number]

/** What somebody else takes away from the server's ends of the tunnels. */
export type Loss = 'links' | 'routes' | 'filter or addresses'

/** A tunnel's row, as far as the kernel has something of it. */
export interface End {
  readonly name: string
  readonly device: string
  readonly ipv4: string
  readonly ipv6: string
}

/** A small model of the kernel behind `ip` and `nft`. */
export interface KernelModel {
  readonly ip: RunIp
  readonly nft: RunNft
  /** What `ip monitor` and `nft monitor` say of a loss. */
  readonly tidings: Readonly<Record<'ip' | 'nft', string>>
  lose(loss: Loss): void
  /** How it differs from what the rows ask for, if it does. */
  trouble(ends: readonly End[]): string | undefined
}

export function kernelModel(layout: Layout): KernelModel {
  return layout === 'shared' ? new SharedModel() : new PerTunnelModel()
}

const NOTHING = { status: 0, stdout: '', stderr: '' }

/** A device for each tunnel. */
class PerTunnelModel implements KernelModel {
  readonly tidings = { ip: '[LINK]9: fn6-1@NONE: <POINTOPOINT,NOARP> state DOWN\n', nft: '' }
  readonly #kernel = new FakeKernel()

  readonly ip: RunIp = (args, input) => {
    this.#kernel.calls.length = 0
    this.#kernel.lines.length = 0
    return this.#kernel.run(args, input)
  }

  readonly nft: RunNft = async () => NOTHING

  lose(loss: Loss): void {
    const { devices } = this.#kernel
    if (loss === 'links') devices.clear()
    for (const device of devices.values()) {
      if (loss === 'routes') device.up = false
      else device.addresses.length = 0
    }
  }

  trouble(ends: readonly End[]): string | undefined {
    for (const { device, ipv4, name } of ends) {
      const link = this.#kernel.devices.get(device)
      if (link?.remote !== ipv4 || !link.up || link.addresses.length !== 1)
        return `${name} has ${ipv4}, and ${device} is ${JSON.stringify(link)}`
    }
    return surplus('devices', this.#kernel.devices.size, ends)
  }
}

/** One device for all: a route and an element of a set for each tunnel. */
class SharedModel implements KernelModel {
  readonly tidings = {
    ip: '[LINK]Deleted 9: fn6-all@NONE: <NOARP> state DOWN\nDeleted 9: fn6-all@NONE: <NOARP>\n',
    nft: 'delete table ip freenet6\n',
  }
  readonly #kernel = new FakeSharedKernel()

  readonly ip: RunIp = (args, input) => {
    this.#kernel.journal.length = 0
    return this.#kernel.runIp(args, input)
  }

  readonly nft: RunNft = async (args, input) => {
    const outcome = await this.#kernel.runNft(args, input)
    // The rules stand behind the set in a listing of the whole table.
    return args.join(' ') === 'list table ip freenet6' && outcome.status === 0
      ? { ...outcome, stdout: `${outcome.stdout}\nchain input { counter packets 1 bytes 2 drop }` }
      : outcome
  }

  lose(loss: Loss): void {
    const { devices, routes } = this.#kernel
    if (loss === 'links') devices.clear()
    if (loss === 'filter or addresses') this.#kernel.elements = undefined
    else routes.clear()
  }

  trouble(ends: readonly End[]): string | undefined {
    const { routes, locals, elements } = this.#kernel
    for (const { ipv4, ipv6, name } of ends) {
      const network = ipv6.replace(/::2$/, '::/64')
      const gateway = routes.get(network)
      if (gateway !== `::${ipv4}`) return `${name} has ${ipv4}, and the route of ${network} is ${gateway}`
      if (!locals.has(ipv6.replace(/::2$/, '::1/128'))) return `${name} has no address at our end`
      if (![...(elements ?? [])].some(key => key.startsWith(`${ipv4} . `))) return `${name} may not send`
    }
    return surplus('routes', routes.size, ends) ?? surplus('elements', elements?.size ?? 0, ends)
  }
}

function surplus(what: string, count: number, ends: readonly End[]): string | undefined {
  return count === ends.length ? undefined : `there are ${count} ${what} for ${ends.length} tunnels`
}
