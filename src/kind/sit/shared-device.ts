import { runBatch, runLines } from '../../kernel/ip-batch.ts'
import { LINK_TTL, type RunIp } from '../../kernel/ip-command.ts'
import { isIpv6Off, turnIpv6On } from '../../kernel/ipv6-switch.ts'
import { type KernelLink, listLinks } from '../../kernel/kernel-link.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import type { FilterOptions } from './shared-layout-filter.ts'
import { BATCH_TUNNELS, deviceCommands, GONE } from './shared-layout-routes.ts'

type DeviceOptions = Pick<FilterOptions, 'device' | 'serverIpv4' | 'mtu'>

/** The one sit device of all tunnels in this layout. */
export class SharedDevice {
  readonly #options: FilterOptions
  readonly #runIp: RunIp
  /** Whether it had to be made or mended since somebody last asked: until then no tunnel worked. */
  #wasAmiss = false

  constructor(options: FilterOptions, runIp: RunIp) {
    this.#options = options
    this.#runIp = runIp
  }

  /** Makes or mends it. `isUsed` says whether there are tunnels, which did not work without it. */
  async ensure({ isUsed }: { readonly isUsed: () => boolean }): Promise<LinkFault | undefined> {
    const { device } = this.#options
    const { add, mend, removeAddress } = deviceCommands(this.#options)
    const listing = await listLinks(this.#runIp, device)
    if (listing.kind === 'failed') return { device, reason: listing.reason }
    const have = listing.links.get(device)
    const isOff = await isIpv6Off(device)
    if (have !== undefined && isSharedDevice(have, this.#options) && !isOff) return undefined
    this.#wasAmiss ||= isUsed()
    const changed = await runBatch(this.#runIp, have === undefined ? [add] : mend)
    const refused = isOff ? await turnIpv6On(device) : undefined
    if (refused !== undefined) return refused
    const cleaned = await runBatch(this.#runIp, [removeAddress])
    const faults = [...cleaned.faults.values(), cleaned.trouble].filter(words => !GONE.test(words ?? ''))
    const reason = [...changed.faults.values(), changed.trouble, ...faults].find(words => words !== undefined)
    return reason === undefined ? undefined : { device, reason }
  }

  /** Whether it was amiss since the last call. */
  takeAmiss(): boolean {
    const wasAmiss = this.#wasAmiss
    this.#wasAmiss = false
    return wasAmiss
  }

  /** Takes away what the layout of one device a tunnel left behind. */
  async removeOthers(devicePrefix: string): Promise<readonly string[]> {
    const listing = await listLinks(this.#runIp, devicePrefix)
    if (listing.kind === 'failed') return []
    const old = [...listing.links.keys()].filter(device => device !== this.#options.device)
    const reasons = await runLines(this.#runIp, old, {
      linesOf: device => [`tunnel del ${device}`],
      batchTargets: BATCH_TUNNELS,
    })
    return old.filter(device => !reasons.has(device))
  }
}

/** The device of all tunnels. No tunnel's own device is called so: theirs end in a number. */
export function sharedDevice(devicePrefix: string): string {
  return `${devicePrefix}all`
}

function isSharedDevice(have: KernelLink, { serverIpv4, mtu }: DeviceOptions): boolean {
  return (
    have.isUp &&
    have.mtu === mtu &&
    have.ttl === LINK_TTL &&
    have.local === serverIpv4 &&
    (have.remote === undefined || have.remote === 'any') &&
    have.addresses.length === 0
  )
}
