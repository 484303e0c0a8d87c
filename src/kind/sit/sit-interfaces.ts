import { parseIpv4 } from '../../address/ipv4.ts'
import { parseIpv6 } from '../../address/ipv6.ts'
import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { NO_DEVICE, routePools, turnForwardingOn } from '../../kernel/forwarding.ts'
import { runLines } from '../../kernel/ip-batch.ts'
import {
  addCommands,
  changeCommands,
  deleteCommand,
  type Outer,
  type RunIp,
  runIp,
} from '../../kernel/ip-command.ts'
import {
  deviceTraffic,
  isComplete,
  type KernelLink,
  listLinks,
  listRoutedPrefixes,
} from '../../kernel/kernel-link.ts'
import type { Interfaces, Link, LinkFault, Octets, Reconciliation } from '../../tunnel/interface.ts'
import { DeviceWatch } from './device-watch.ts'
import { isSitDevice } from './sit-leftovers.ts'
import type { Sleepers } from './sleepers.ts'

/** Something that `prepare` sets up besides the routes; returns why it could not, or undefined. */
export type Preparation = () => Promise<LinkFault | undefined>

export interface SitOptions {
  readonly devicePrefix: string
  readonly serverIpv4: string
  readonly mtu: number
  readonly prefix: Prefix
  /** Where further prefixes of tunnels are taken from. */
  readonly routedPool?: Prefix | undefined
  readonly runIp?: RunIp
  readonly forwardingPath?: string
  readonly sourceFilter?: Preparation
  /** In which dormant tunnels are listened for. */
  readonly sleepers?: Sleepers
  /** Tells of other programs' routes to routed prefixes before these are put; the device's own network has a metric apart. */
  readonly tellForeign?: (networks: readonly string[]) => Promise<void>
}

const MAX_DEVICE_LENGTH = 15 // IFNAMSIZ
/** Links in one call of `ip`: no more than these are to be made again if the call ends early. */
const BATCH_LINKS = 1000
const ALREADY_THERE = /File exists/
const MISSING = /No such device|Cannot find device/
/** What was to be taken away is gone already. */
const NO_ROUTE = /No such process/
/** The server's ends of the tunnels as sit devices of the Linux kernel (RFC 4213 3), made by batches of `ip`. */
export class SitInterfaces implements Interfaces {
  readonly kind = 'sit'
  readonly #devicePrefix: string
  readonly #outer: Outer
  readonly #pools: readonly string[]
  readonly #run: RunIp
  readonly #forwardingPath: string | undefined
  readonly #sourceFilter: Preparation
  readonly #sleepers: Sleepers | undefined
  readonly #tellForeign: (networks: readonly string[]) => Promise<void>
  #trouble: string | undefined
  /** What the kernel was last asked for, by device. */
  readonly #links = new Map<string, Link>()
  /** Calls of `ip` that change something and are under way. */
  #changes = 0

  constructor(options: SitOptions) {
    this.#devicePrefix = options.devicePrefix
    this.#outer = { serverIpv4: options.serverIpv4, mtu: options.mtu }
    this.#pools = [options.prefix, options.routedPool].filter(pool => pool !== undefined).map(formatPrefix)
    this.#run = options.runIp ?? runIp
    this.#forwardingPath = options.forwardingPath
    this.#sourceFilter = options.sourceFilter ?? (async () => undefined)
    this.#sleepers = options.sleepers
    this.#tellForeign = options.tellForeign ?? (async () => undefined)
  }

  async prepare(): Promise<readonly LinkFault[]> {
    const unfiltered = await this.#sourceFilter()
    this.#trouble = unfiltered?.reason
    const faults = [
      ...(await routePools(this.#run, 'blackhole', this.#pools)),
      await turnForwardingOn(this.#forwardingPath),
      unfiltered,
      ...(unfiltered === undefined ? [] : await this.#closeAll()),
    ]
    return faults.filter(fault => fault !== undefined)
  }

  /** Never open: what comes out of a device that nobody filters could have any source. The rows stay as they are. */
  async #closeAll(): Promise<readonly LinkFault[]> {
    const listing = await listLinks(this.#run, this.#devicePrefix)
    if (listing.kind === 'failed') return [{ device: NO_DEVICE, reason: listing.reason }]
    return this.remove([...listing.links.keys()].filter(device => isSitDevice(device, this.#devicePrefix)))
  }

  trouble(): string | undefined {
    return this.#trouble
  }

  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    return (await this.#sleepers?.listenFor(links)) ?? new Set()
  }

  watch(harmed: () => void): () => void {
    const watch = new DeviceWatch({
      outer: this.#outer,
      pools: this.#pools,
      linkOf: device => this.#links.get(device),
      isChanging: () => this.#changes > 0,
      harmed,
    })
    return () => watch.stop()
  }

  /** None without the source filter: what comes out of it could have any source. */
  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const trouble = this.#trouble
    if (trouble !== undefined) return links.map(({ device }) => ({ device, reason: trouble }))
    const routed = this.#sift(links).sound.flatMap(({ routedPrefix }) => routedPrefix ?? [])
    if (routed.length > 0) await this.#tellForeign(routed)
    const faults: LinkFault[] = []
    for (let first = 0; first < links.length; first += BATCH_LINKS) {
      faults.push(...(await this.#createBatch(links.slice(first, first + BATCH_LINKS))))
    }
    const lost = this.#trouble // meanwhile: what was made after the others were taken away must go as well
    if (lost === undefined) return faults
    await this.remove(links.map(({ device }) => device))
    return links.map(({ device }) => ({ device, reason: lost }))
  }

  async changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { sound, faults } = this.#sift(links)
    await this.#tellForeign(sound.flatMap(({ routedPrefix }) => routedPrefix ?? []))
    const commandsOf = (link: Link) => changeCommands(link, this.#links.get(link.device), this.#outer)
    const commands = new Map(sound.map(link => [link, commandsOf(link)]))
    for (const link of sound) this.#links.set(link.device, link)
    const reasons = await this.#tryCommands(sound, link => commands.get(link) ?? [])
    for (const [device, reason] of reasons) if (NO_ROUTE.test(reason)) reasons.delete(device)
    const missing = sound.filter(link => MISSING.test(reasons.get(link.device) ?? ''))
    for (const link of missing) reasons.delete(link.device)
    return [...faults, ...faultsOf(reasons), ...(await this.create(missing))]
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const faults: LinkFault[] = []
    for (let first = 0; first < devices.length; first += BATCH_LINKS) {
      faults.push(...(await this.#removeBatch(devices.slice(first, first + BATCH_LINKS))))
    }
    return faults
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    const listing = await listLinks(this.#run, this.#devicePrefix)
    if (listing.kind === 'failed') {
      return { made: [], removed: [], faults: [{ device: NO_DEVICE, reason: listing.reason }] }
    }
    this.#links.clear()
    for (const link of wanted) this.#links.set(link.device, link)
    const routed = await this.#listRouted()
    const names = new Set(wanted.map(link => link.device))
    const strays = [...listing.links.keys()].filter(device => !names.has(device))
    const amiss = wanted.filter(link => !this.#isSound(listing.links, link) || !isRouted(link, routed))
    const isReplaceable = (device: string) => listing.links.has(device) && this.#trouble === undefined
    const wrong = amiss.map(link => link.device).filter(isReplaceable)
    // All removals come first: one link's right remote may be what another has wrongly.
    const removalFaults = await this.remove([...strays, ...wrong])
    const creationFaults = await this.create(amiss)
    const made = without(
      amiss.map(link => link.device),
      creationFaults,
    )
    const strayFaults = removalFaults.filter(fault => !names.has(fault.device))
    return { made, removed: without(strays, strayFaults), faults: [...strayFaults, ...creationFaults] }
  }

  async amiss(links: readonly Link[]): Promise<readonly string[] | undefined> {
    const listing = await listLinks(this.#run, this.#devicePrefix)
    if (listing.kind === 'failed') return undefined
    const routed = await this.#listRouted()
    const isWhole = (link: Link) => this.#isSound(listing.links, link) && isRouted(link, routed)
    return links.filter(link => !isWhole(link)).map(({ device }) => device)
  }

  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const all = await deviceTraffic(this.#run, this.#devicePrefix)
    const signs = new Map<string, number>()
    for (const device of devices) {
      const packets = all.get(device)?.packets
      if (packets !== undefined) signs.set(device, packets)
    }
    return signs
  }

  async octets(devices: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    const all = await deviceTraffic(this.#run, this.#devicePrefix)
    return new Map(
      devices.flatMap(device => {
        const traffic = all.get(device)
        return traffic === undefined ? [] : [[device, traffic]]
      }),
    )
  }

  /** By device; undefined: nothing is known, or no tunnel can have one. */
  async #listRouted(): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
    return this.#pools.length > 1 ? listRoutedPrefixes(this.#run) : undefined
  }

  #isSound(there: ReadonlyMap<string, KernelLink>, link: Link): boolean {
    const have = there.get(link.device)
    return have !== undefined && isComplete(have, link, this.#outer)
  }

  async #createBatch(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { sound, faults } = this.#sift(links)
    for (const link of sound) this.#links.set(link.device, link)
    const add = (link: Link) => addCommands(link, this.#outer)
    const reasons = await this.#tryCommands(sound, add)
    // One that is there already is made anew: it may be half of what it should be. One that is in the way of another
    // device's endpoint fails again, and that is the reason to report.
    const again = sound.filter(link => ALREADY_THERE.test(reasons.get(link.device) ?? ''))
    await this.#runDeletes(again.map(link => link.device))
    const lasting = await this.#tryCommands(again, add)
    for (const link of again) reasons.delete(link.device)
    for (const [device, reason] of lasting) reasons.set(device, reason)
    for (const device of reasons.keys()) this.#links.delete(device)
    await this.#runDeletes([...reasons.keys()])
    return [...faults, ...faultsOf(reasons)]
  }

  async #removeBatch(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const ours = devices.filter(device => this.#isOurs(device))
    const foreign = devices.filter(device => !this.#isOurs(device))
    for (const device of devices) this.#links.delete(device)
    const reasons = await this.#runDeletes(ours)
    return [
      ...foreign.map(device => ({ device, reason: `the name does not begin with ${this.#devicePrefix}` })),
      ...faultsOf(reasons).filter(fault => !MISSING.test(fault.reason)),
    ]
  }

  #runDeletes(devices: readonly string[]): Promise<Map<string, string>> {
    return this.#tryCommands(
      devices.map(device => ({ device })),
      ({ device }) => [deleteCommand(device)],
    )
  }

  /** Runs each device's commands in one batch. Returns the first reason for each that had one fail. */
  async #tryCommands<T extends Pick<Link, 'device'>>(
    targets: readonly T[],
    linesOf: (target: T) => readonly string[],
  ): Promise<Map<string, string>> {
    this.#changes++
    const reasons = await runLines(this.#run, targets, { linesOf })
    this.#changes--
    return new Map(Array.from(reasons, ([{ device }, reason]) => [device, reason]))
  }

  /** A row edited by hand can hold anything; only names and addresses may get into a line for `ip`. */
  #sift(links: readonly Link[]): { readonly sound: readonly Link[]; readonly faults: readonly LinkFault[] } {
    const isSound = (link: Link) =>
      this.#isOurs(link.device) &&
      parseIpv4(link.ipv4Client) !== undefined &&
      parseIpv6(link.ipv6Server) !== undefined
    return {
      sound: links.filter(isSound),
      faults: links
        .filter(link => !isSound(link))
        .map(({ device }) => ({ device, reason: 'the row holds no proper device name and addresses' })),
    }
  }

  #isOurs(device: string): boolean {
    return (
      device.startsWith(this.#devicePrefix) &&
      device.length <= MAX_DEVICE_LENGTH &&
      /^[A-Za-z0-9_-]+$/.test(device)
    )
  }
}

function isRouted(
  { device, routedPrefix }: Link,
  routed: ReadonlyMap<string, readonly string[]> | undefined,
): boolean {
  return routed === undefined || (routed.get(device) ?? []).join() === (routedPrefix ?? '')
}

function faultsOf(reasons: ReadonlyMap<string, string>): LinkFault[] {
  return Array.from(reasons, ([device, reason]) => ({ device, reason }))
}

function without(devices: readonly string[], faults: readonly LinkFault[]): string[] {
  const failed = new Set(faults.map(fault => fault.device))
  return devices.filter(device => !failed.has(device))
}
