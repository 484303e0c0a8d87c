import type { Endpoint } from '../shared/endpoint.ts'
import type { Log } from '../shared/log.ts'
import type { Interfaces, Link, LinkFault, Octets, Reconciliation } from './interface.ts'

/** A driver, or why it can't be had now. */
export type DriverChoice = { readonly driver: Interfaces } | { readonly reason: string }

interface AwaitedOptions {
  /** What it is while it is waited for: see Interfaces.kind. */
  readonly kind: string
  /** What the fault of a preparation names. */
  readonly device: string
  /** Why it could not be had so far. */
  readonly reason: string
  readonly choose: () => Promise<DriverChoice>
  /** Whether anything that a process before this one made may carry tunnels still. */
  readonly stands: () => Promise<boolean>
  /** Whether it is a trouble although nobody has a tunnel of this kind yet, and nothing of a process before stands. */
  readonly isAlwaysMissed: boolean
  readonly log: Log
}

/**
 * The driver of a kind that this machine should have and can't have now, such as one without its program: each preparation
 * but the first tries to have it, and from then on it is that driver. Until then nothing is said to be done that is not:
 * what the kernel has goes on, and whoever wants to change it is refused.
 */
export class AwaitedInterfaces implements Interfaces {
  readonly #options: AwaitedOptions
  #reason: string
  #driver: Interfaces | undefined
  #choosing: Promise<void> | undefined
  #harmed: (() => void) | undefined
  #endWatch: (() => void) | undefined
  /** The first preparation comes at once after the choice that failed: a program that hangs would hold the start up twice. */
  #isJustTried = true
  #isClosed = false
  #isMissed: boolean

  constructor(options: AwaitedOptions) {
    this.#options = options
    this.#isMissed = options.isAlwaysMissed
    this.#reason = options.reason
    const { device, reason, isAlwaysMissed, log } = options
    const level = isAlwaysMissed ? 'error' : 'warn'
    log[level]({ device, reason }, 'tunnels can not be served: it is tried again')
  }

  get kind(): string {
    return this.#driver?.kind ?? this.#options.kind
  }

  async prepare(): Promise<readonly LinkFault[]> {
    if (this.#driver === undefined) await this.#tryAgain()
    if (this.#driver !== undefined) return this.#driver.prepare()
    return this.#isMissed ? [{ device: this.#options.device, reason: this.#reason }] : []
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    this.#isMissed ||= links.length > 0
    return this.#driver?.create(links) ?? this.#faultsOf(links.map(({ device }) => device))
  }

  async changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.#driver?.changeRemote(links) ?? this.create(links)
  }

  /** Where nothing stands there is nothing to remove: a row need not stay for it. */
  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    if (this.#driver !== undefined) return this.#driver.remove(devices)
    return (await this.#options.stands()) ? this.#faultsOf(devices) : []
  }

  /** What the first comparison changes is not listened to: it is ours. */
  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    if (this.#driver === undefined) await this.#tryAgain()
    if (this.#driver === undefined) return { made: [], removed: [], faults: await this.create(wanted) }
    const mended = await this.#driver.reconcile(wanted)
    if (this.#harmed !== undefined) this.#endWatch ??= this.#driver.watch?.(this.#harmed)
    return mended
  }

  trouble(): string | undefined {
    if (this.#driver !== undefined) return this.#driver.trouble?.()
    return this.#isMissed ? this.#reason : undefined
  }

  isSound(): boolean {
    return this.#driver?.isSound?.() ?? false
  }

  watch(harmed: () => void): () => void {
    this.#harmed = harmed
    this.#endWatch = this.#driver?.watch?.(harmed)
    return () => {
      this.#harmed = undefined
      this.#endWatch?.()
      this.#endWatch = undefined
    }
  }

  close(): void {
    this.#isClosed = true
    this.#driver?.close?.()
  }

  leave(): void {
    this.#isClosed = true
    if (this.#driver?.leave === undefined) this.#driver?.close?.()
    else this.#driver.leave()
  }

  async amiss(links: readonly Link[]): Promise<readonly string[] | undefined> {
    return this.#driver?.amiss?.(links)
  }

  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#driver?.signsOfLife?.(devices) ?? new Map()
  }

  async octets(devices: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    return this.#driver?.octets?.(devices) ?? new Map()
  }

  heardFrom(device: string): Endpoint | undefined {
    return this.#driver?.heardFrom?.(device)
  }

  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    return this.#driver?.listenFor?.(links) ?? new Set()
  }

  #faultsOf(devices: readonly string[]): readonly LinkFault[] {
    return devices.map(device => ({ device, reason: this.#reason }))
  }

  /** Calls at one time share the try. */
  #tryAgain(): Promise<void> {
    this.#choosing ??= this.#choose().finally(() => {
      this.#choosing = undefined
    })
    return this.#choosing
  }

  async #choose(): Promise<void> {
    if (this.#isClosed) return
    if (this.#isJustTried) {
      this.#isJustTried = false
      this.#isMissed ||= await this.#options.stands()
      return
    }
    const choice = await this.#options.choose()
    if ('reason' in choice) {
      this.#reason = choice.reason
      this.#isMissed ||= await this.#options.stands()
      return
    }
    if (this.#isClosed) return choice.driver.close?.()
    this.#driver = choice.driver
    this.#options.log.info({ driver: choice.driver.kind }, 'tunnels can be served now')
  }
}
