import { runBatch, runLines } from '../../kernel/ip-batch.ts'
import { LINK_TTL, type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import { isIpv6Off, turnIpv6On } from '../../kernel/ipv6-switch.ts'
import { type KernelLink, listLinks } from '../../kernel/kernel-link.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import type { FilterOptions } from './shared-layout-filter.ts'
import {
  BATCH_TUNNELS,
  deviceCommands,
  GONE,
  guardedDevices,
  removalCommands,
} from './shared-layout-routes.ts'

type DeviceOptions = Pick<FilterOptions, 'device' | 'serverIpv4' | 'mtu'>

/** The one sit device of all tunnels in this layout. */
export class SharedDevice {
  readonly #options: FilterOptions
  readonly #runIp: RunIp
  /** Whether it had to be made or mended since somebody last asked: until then no tunnel worked. */
  #wasAmiss = false
  /** Devices that had to go for this one. */
  readonly #replaced: string[] = []

  constructor(options: FilterOptions, runIp: RunIp) {
    this.#options = options
    this.#runIp = runIp
  }

  /** Makes or mends it. `isUsed` says whether there are tunnels, which did not work without it. */
  async ensure({ isUsed }: { readonly isUsed: () => boolean }): Promise<LinkFault | undefined> {
    const { device } = this.#options
    const { add, mend, removeAddress } = deviceCommands(this.#options)
    const listing = await listLinks(this.#runIp, '')
    if (listing.kind === 'failed') return { device, reason: listing.reason }
    const have = listing.links.get(device)
    const isOff = await isIpv6Off(device)
    if (have !== undefined && isSharedDevice(have, this.#options) && !isOff) return undefined
    this.#wasAmiss ||= isUsed()
    const obstacle = await this.#clearWay([...listing.links.values()])
    if (obstacle !== undefined) return { device, reason: obstacle }
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

  /**
   * Linux has one sit device for a pair of ends. Takes away the one that was made with another `tunnel.device_prefix`,
   * known by its guard, and returns the words for one of somebody else.
   */
  async #clearWay(links: readonly KernelLink[]): Promise<string | undefined> {
    const { device, serverIpv4 } = this.#options
    const other = links.find(link => link.device !== device && hasEnds(link, this.#options))
    if (other === undefined) return undefined
    const [removal, ...rest] = removalCommands(other.device)
    if (!(await guardedDevices(this.#runIp)).includes(other.device))
      return `${other.device}, which is not freenet6's, has ${serverIpv4} for its end; no tunnel can be made before: ip ${removal}`
    const { status, stderr } = await this.#runIp(removal.split(' '))
    if (status !== 0) return `${other.device} is in the way: ${reasonOf(stderr)}`
    await this.#runIp(rest[0].split(' '))
    this.#replaced.push(other.device)
    return undefined
  }

  /** Takes away what the layout of one device a tunnel left behind. Returns what could not be. */
  async removeOthers(devicePrefix: string): Promise<readonly LinkFault[]> {
    const listing = await listLinks(this.#runIp, devicePrefix)
    if (listing.kind === 'failed') return [{ device: this.#options.device, reason: listing.reason }]
    const old = [...listing.links.keys()].filter(device => device !== this.#options.device)
    const reasons = await runLines(this.#runIp, old, {
      linesOf: device => [`tunnel del ${device}`],
      batchTargets: BATCH_TUNNELS,
    })
    this.#replaced.push(...old.filter(device => !reasons.has(device)))
    return Array.from(reasons, ([device, reason]) => ({ device, reason }))
  }

  /** What had to go since the last call. */
  takeReplaced(): readonly string[] {
    return this.#replaced.splice(0)
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
    hasEnds(have, { serverIpv4 }) &&
    have.addresses.length === 0
  )
}

/** Takes packets for our address from anybody. */
function hasEnds({ local, remote }: KernelLink, { serverIpv4 }: Pick<DeviceOptions, 'serverIpv4'>): boolean {
  return local === serverIpv4 && (remote === undefined || remote === 'any')
}
