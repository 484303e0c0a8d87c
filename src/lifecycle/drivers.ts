import type { Endpoint } from '../shared/endpoint.ts'
import {
  type Interfaces,
  type Link,
  type LinkFault,
  linkOf,
  type Octets,
  type Reconciliation,
} from '../tunnel/interface.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

/** What a reconciliation needs of a tunnel. It holds that of the whole table, and tunnels take more than twice as much. */
export interface WantedLink extends Link {
  readonly id: string
  /** The name of the kind. */
  readonly kind: string
}

export function wantedLink(tunnel: Tunnel): WantedLink {
  return Object.assign(linkOf(tunnel), { id: tunnel.id, kind: tunnel.kind.name })
}

/** What is asked of the driver of each kind, for tunnels of several kinds at once. */
export class Drivers {
  readonly #byKind: ReadonlyMap<string, Interfaces>
  readonly #onEnd: () => void

  /** By the name of the kind. Devices of all kinds begin alike: each driver must tell its own from the others’. `onEnd` is called when all are closed. */
  constructor(byKind: ReadonlyMap<string, Interfaces>, onEnd = () => {}) {
    this.#byKind = byKind
    this.#onEnd = onEnd
  }

  /** What makes the interfaces: the driver of the first kind. */
  get kind(): string {
    const [first] = this.#byKind.values()
    return first?.kind ?? 'none'
  }

  /** The kinds that have a driver. */
  get offered(): readonly string[] {
    return [...this.#byKind].filter(([, driver]) => driver.kind !== 'none').map(([name]) => name)
  }

  prepare(): Promise<readonly LinkFault[]> {
    return this.#each([], driver => driver.prepare())
  }

  create(tunnels: readonly Tunnel[]): Promise<readonly LinkFault[]> {
    return this.#eachWith(tunnels, (driver, mine) => driver.create(mine.map(linkOf)))
  }

  changeRemote(tunnels: readonly Tunnel[]): Promise<readonly LinkFault[]> {
    return this.#eachWith(tunnels, (driver, mine) => driver.changeRemote(mine.map(linkOf)))
  }

  remove(tunnels: readonly Tunnel[]): Promise<readonly LinkFault[]> {
    return this.#eachWith(tunnels, (driver, mine) => driver.remove(mine.map(({ device }) => device)))
  }

  /** See Interfaces.trouble: of the first driver that has one. */
  trouble(): string | undefined {
    for (const driver of this.#byKind.values()) {
      const trouble = driver.trouble?.()
      if (trouble !== undefined) return trouble
    }
    return undefined
  }

  /** See Interfaces.watch: of all drivers that can. */
  watch(harmed: () => void): () => void {
    const stops = [...this.#byKind.values()].map(driver => driver.watch?.(harmed))
    return () => {
      for (const stop of stops) stop?.()
    }
  }

  close(): void {
    for (const driver of this.#byKind.values()) driver.close?.()
    this.#onEnd()
  }

  /** See Interfaces.leave. */
  leave(): void {
    for (const driver of this.#byKind.values()) {
      if (driver.leave === undefined) driver.close?.()
      else driver.leave()
    }
    this.#onEnd()
  }

  /** All drivers are asked, those without a tunnel too: they may have strays. */
  async reconcile(wanted: readonly WantedLink[]): Promise<Reconciliation> {
    const done: Reconciliation[] = []
    for (const [name, driver] of this.#byKind) {
      done.push(await driver.reconcile(wanted.filter(({ kind }) => kind === name)))
    }
    return {
      made: done.flatMap(({ made }) => made),
      removed: done.flatMap(({ removed }) => removed),
      faults: done.flatMap(({ faults }) => faults),
    }
  }

  /** The devices of these tunnels that are not as they should be; undefined: only a reconciliation can tell. */
  async amiss(tunnels: readonly Tunnel[]): Promise<ReadonlySet<string> | undefined> {
    const found = new Set<string>()
    for (const [name, driver] of this.#byKind) {
      const links = ofKind(tunnels, name).map(linkOf)
      if (links.length === 0 || driver.isSound?.() === true) continue
      const amiss = await driver.amiss?.(links)
      if (amiss === undefined) return undefined
      for (const device of amiss) found.add(device)
    }
    return found
  }

  /** Packets received so far, by device, as far as the drivers can see them. */
  async signsOfLife(tunnels: readonly Tunnel[]): Promise<ReadonlyMap<string, number>> {
    const signs = new Map<string, number>()
    for (const [name, driver] of this.#byKind) {
      const devices = ofKind(tunnels, name).map(({ device }) => device)
      if (devices.length === 0 || driver.signsOfLife === undefined) continue
      for (const [device, packets] of await driver.signsOfLife(devices)) signs.set(device, packets)
    }
    return signs
  }

  /** Octets that have passed, by device, as far as the drivers can see them. */
  async octets(tunnels: readonly Tunnel[]): Promise<ReadonlyMap<string, Octets>> {
    const octets = new Map<string, Octets>()
    for (const [name, driver] of this.#byKind) {
      const devices = ofKind(tunnels, name).map(({ device }) => device)
      if (devices.length === 0 || driver.octets === undefined) continue
      for (const [device, counted] of await driver.octets(devices)) octets.set(device, counted)
    }
    return octets
  }

  /** See Interfaces.heardFrom. */
  heardFrom({ kind, device }: Tunnel): Endpoint | undefined {
    return this.#byKind.get(kind.name)?.heardFrom?.(device)
  }

  /** See Interfaces.listenFor: the devices of those among these dormant tunnels whose clients were heard. */
  async listenFor(dormant: readonly Tunnel[]): Promise<ReadonlySet<string>> {
    const heard = new Set<string>()
    for (const [name, driver] of this.#byKind) {
      const devices = (await driver.listenFor?.(ofKind(dormant, name).map(linkOf))) ?? []
      for (const device of devices) heard.add(device)
    }
    return heard
  }

  /** Whether any driver can hear the client of a tunnel that is not up. */
  get canListen(): boolean {
    return [...this.#byKind.values()].some(driver => driver.listenFor !== undefined)
  }

  #eachWith(
    tunnels: readonly Tunnel[],
    ask: (driver: Interfaces, mine: readonly Tunnel[]) => Promise<readonly LinkFault[]>,
  ): Promise<readonly LinkFault[]> {
    return this.#each(tunnels, async (driver, mine) => (mine.length === 0 ? [] : ask(driver, mine)))
  }

  async #each(
    tunnels: readonly Tunnel[],
    ask: (driver: Interfaces, mine: readonly Tunnel[]) => Promise<readonly LinkFault[]>,
  ): Promise<readonly LinkFault[]> {
    const faults: (readonly LinkFault[])[] = []
    for (const [name, driver] of this.#byKind) faults.push(await ask(driver, ofKind(tunnels, name)))
    return faults.flat()
  }
}

function ofKind(tunnels: readonly Tunnel[], name: string): readonly Tunnel[] {
  return tunnels.filter(tunnel => tunnel.kind.name === name)
}
