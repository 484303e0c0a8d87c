import type { Log } from '../shared/log.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { DormantTunnel } from '../tunnel/tunnel.ts'
import type { Awakened, WakeOptions } from './dormant-tunnels.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'

/** Rows read between two turns of the event loop. */
const ROWS_A_TURN = 1000
/** Woken in one look; the others in the next. */
const MOST_A_LOOK = 1000
/**
 * Seconds for which packets alone don't wake a tunnel again: the source of a packet can be forged, and nobody shall switch
 * a stranger's name on and off with every one. A handshake takes the private key of the client, which waits for nothing.
 */
const PAUSE = 600

/** Dormant tunnels whose clients send again: heard by the drivers, and woken as if the owner had come by. */
export class Knocks {
  readonly #tunnels: TunnelReader
  readonly #drivers: Drivers
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #steady: () => number
  readonly #wake: (id: string, options: WakeOptions) => Promise<Awakened>
  /** When packets woke a tunnel last, in seconds of the steady clock, by id. */
  readonly #woken = new Map<string, number>()
  /** Ids of those that were heard when there were too many for one look. */
  #left: ReadonlySet<string> = new Set()

  constructor(parts: {
    readonly store: { readonly tunnels: TunnelReader }
    readonly drivers: Drivers
    readonly turn: KernelTurn
    readonly log: Log
    readonly steady: () => number
    readonly wake: (id: string, options: WakeOptions) => Promise<Awakened>
  }) {
    this.#tunnels = parts.store.tunnels
    this.#drivers = parts.drivers
    this.#turn = parts.turn
    this.#log = parts.log
    this.#steady = parts.steady
    this.#wake = parts.wake
  }

  /** Wakes those that were heard since the last call: how many, and of how many. A suspended one is not listened for. */
  async answer(): Promise<{ readonly listened: number; readonly woken: number }> {
    if (!this.#drivers.canListen) return { listened: 0, woken: 0 }
    this.#forgetOld()
    const sleepers = await this.#sleepers()
    const heard = await this.#turn.take(() => this.#drivers.listenFor(sleepers))
    const due = sleepers.filter(
      tunnel => this.#left.has(tunnel.id) || (heard.has(tunnel.device) && this.#mayWake(tunnel)),
    )
    this.#left = new Set(due.slice(MOST_A_LOOK).map(({ id }) => id))
    let woken = 0
    for (const { id } of due.slice(0, MOST_A_LOOK)) woken += (await this.#wakeOne(id)) ? 1 : 0
    return { listened: sleepers.length, woken }
  }

  #mayWake({ id, kind }: DormantTunnel): boolean {
    return kind.publicKey !== undefined || !this.#woken.has(id)
  }

  async #wakeOne(id: string): Promise<boolean> {
    const awakened = await this.#wake(id, { isHeard: true })
    if (awakened.kind === 'refused') {
      const codes = awakened.problems.map(({ code }) => code)
      this.#log.debug({ tunnel: id, codes }, 'a dormant tunnel was heard and can not come back')
      return false
    }
    this.#woken.set(id, this.#steady())
    return awakened.kind === 'woken'
  }

  async #sleepers(): Promise<readonly DormantTunnel[]> {
    const sleepers: DormantTunnel[] = []
    for (let last = ''; ; ) {
      const { rows, next } = this.#tunnels.dormant.after(last, ROWS_A_TURN)
      sleepers.push(...rows.filter(({ dormant }) => !dormant.isSuspended))
      if (next === undefined) return sleepers
      last = next
      await new Promise(setImmediate)
    }
  }

  #forgetOld(): void {
    const old = this.#steady() - PAUSE
    for (const [id, at] of this.#woken) if (at <= old) this.#woken.delete(id)
  }
}
