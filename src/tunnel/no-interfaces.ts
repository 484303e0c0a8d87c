import type { Interfaces, Link, LinkFault, Reconciliation } from './interface.ts'

/** Takes away what a process before this one made; resolves with the faults. */
type RemoveLeftovers = () => Promise<readonly LinkFault[]>

/**
 * The driver of a kind that this machine or its configuration does not offer: every link is at fault, for that reason.
 * What the kind has left in the kernel is removed: nobody would end what a removed tunnel sends.
 */
export class NoInterfaces implements Interfaces {
  readonly kind = 'none'
  readonly #reason: string
  #removeLeftovers: RemoveLeftovers | undefined

  constructor(reason: string, removeLeftovers?: RemoveLeftovers) {
    this.#reason = reason
    this.#removeLeftovers = removeLeftovers
  }

  async prepare(): Promise<readonly LinkFault[]> {
    const faults = (await this.#removeLeftovers?.()) ?? []
    if (faults.length === 0) this.#removeLeftovers = undefined
    return faults
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return links.map(({ device }) => ({ device, reason: this.#reason }))
  }

  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  async remove(): Promise<readonly LinkFault[]> {
    return []
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    const faults = await this.prepare()
    return { made: [], removed: [], faults: [...faults, ...(await this.create(wanted))] }
  }
}
