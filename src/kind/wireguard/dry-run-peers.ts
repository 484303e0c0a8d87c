import type { Log } from '../../shared/log.ts'
import type { Interfaces, Link, LinkFault, Reconciliation } from '../../tunnel/interface.ts'

/** Peers that exist in memory alone: what WireGuard would have been asked is in the log. */
export class DryRunPeers implements Interfaces {
  readonly kind = 'dry-run'
  readonly #log: Log
  /** Public keys by device. */
  readonly #keys = new Map<string, string>()

  constructor(options: { readonly log: Log }) {
    this.#log = options.log
  }

  async prepare(): Promise<readonly LinkFault[]> {
    return []
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    for (const { device, publicKey = '' } of links) this.#keys.set(device, publicKey)
    if (links.length > 0) this.#log.info({ peers: links.length }, 'dry run: wg would be asked')
    return []
  }

  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    for (const device of devices) this.#keys.delete(device)
    return []
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    const names = new Set(wanted.map(({ device }) => device))
    const removed = [...this.#keys.keys()].filter(device => !names.has(device))
    const amiss = wanted.filter(({ device, publicKey = '' }) => this.#keys.get(device) !== publicKey)
    await this.remove(removed)
    await this.create(amiss)
    return { made: amiss.map(({ device }) => device), removed, faults: [] }
  }
}
