import type { Interfaces, Link, LinkFault, Reconciliation } from './interface.ts'

/** The driver of a kind that this machine or its configuration does not offer: every link is at fault, for that reason. */
export class NoInterfaces implements Interfaces {
  readonly kind = 'none'
  readonly #reason: string

  constructor(reason: string) {
    this.#reason = reason
  }

  async prepare(): Promise<readonly LinkFault[]> {
    return []
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
    return { made: [], removed: [], faults: await this.create(wanted) }
  }
}
