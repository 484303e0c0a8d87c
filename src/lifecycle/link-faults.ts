import type { Log } from '../shared/log.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

/** Why the kernel refused a tunnel's interface when it was last tried. */
export class LinkFaults {
  readonly #log: Log
  readonly #onUnsure: () => void
  readonly #reasons = new Map<string, string>()

  /** `onUnsure` is called whenever nobody knows what the kernel has of a tunnel. */
  constructor(log: Log, onUnsure: () => void) {
    this.#log = log
    this.#onUnsure = onUnsure
  }

  /** Undefined: the kernel did not refuse. */
  of(id: string): string | undefined {
    return this.#reasons.get(id)
  }

  /**
   * Remembers what was refused, and logs it where the reason is new; forgets the faults of those that were accepted. Returns
   * the devices at fault.
   */
  note(tunnels: readonly Pick<Tunnel, 'id' | 'device'>[], faults: readonly LinkFault[]): ReadonlySet<string> {
    const reasons = new Map(faults.map(fault => [fault.device, fault.reason]))
    for (const { id, device } of tunnels) {
      const reason = reasons.get(device)
      if (reason === undefined) {
        this.#reasons.delete(id)
        continue
      }
      this.noteOne({ id, device }, reason)
    }
    return new Set(reasons.keys())
  }

  /**
   * The same for what takes a change back, or takes a tunnel down: a fault there leaves the kernel with something that no
   * row says.
   */
  noteUnsure(
    tunnels: readonly Pick<Tunnel, 'id' | 'device'>[],
    faults: readonly LinkFault[],
  ): ReadonlySet<string> {
    if (faults.length > 0) this.#onUnsure()
    return this.note(tunnels, faults)
  }

  /** Remembers and logs what one was refused. */
  noteOne({ id, device }: Pick<Tunnel, 'id' | 'device'>, reason: string): void {
    if (this.#reasons.get(id) === reason) return
    this.#reasons.set(id, reason)
    this.#log.error({ tunnel: id, device, reason }, 'interface fault')
  }

  forget(id: string): void {
    this.#reasons.delete(id)
  }
}
