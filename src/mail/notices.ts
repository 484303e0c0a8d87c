import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Log } from '../shared/log.ts'
import type { CommittedDifference, TunnelStore } from '../store/tunnel-store.ts'
import { type DormantTunnel, nameOf } from '../tunnel/tunnel.ts'
import type { Words } from '../words/words.ts'
import type { Mailer } from './mailer.ts'

const DAY_SECONDS = 86_400
/** Seconds before a dormant tunnel's end at which its owner is told once more. */
const WARNED_BEFORE = 3 * DAY_SECONDS
const LOOK_INTERVAL_MS = 600_000
/** Tunnels whose end is near that are looked at. */
const MOST = 100_000

export interface NoticesOptions {
  readonly store: Pick<TunnelStore, 'tunnels' | 'onCommitted' | 'noteFault'>
  readonly lifecycle: Pick<Lifecycle, 'endOf' | 'endingWithin' | 'setContact'>
  readonly mailer: Pick<Mailer, 'send'>
  readonly words: Words
  readonly origin: string
  readonly publicUrl: string
  readonly log: Log
}

/** Tells owners who left an e-mail address that their tunnel has fallen asleep, and again before it ends. */
export class Notices {
  readonly #options: NoticesOptions
  readonly #stopHearing: () => void
  readonly #timer: NodeJS.Timeout

  /** Begins to listen. */
  constructor(options: NoticesOptions) {
    this.#options = options
    this.#stopHearing = options.store.onCommitted(difference => this.#hear(difference))
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS).unref()
  }

  stop(): void {
    this.#stopHearing()
    clearInterval(this.#timer)
  }

  /** Warns of the ends that are near, each once. Never rejects. */
  async look(): Promise<void> {
    const { store, lifecycle, log } = this.#options
    try {
      for (const tunnel of lifecycle.endingWithin(WARNED_BEFORE, MOST)) await this.#warn(tunnel)
    } catch (error) {
      store.noteFault(error)
      log.error({ err: error }, 'owners could not be warned')
    }
  }

  #hear({ rows }: CommittedDifference): void {
    for (const { before, after } of rows) {
      if (before === undefined || after !== undefined) continue
      const tunnel = this.#options.store.tunnels.dormant.byId(before.id)
      if (tunnel !== undefined) this.#send('dormant', tunnel)
    }
  }

  async #warn(tunnel: DormantTunnel): Promise<void> {
    const { store, lifecycle } = this.#options
    const contact = store.tunnels.contactOf(tunnel.id)
    const { since } = tunnel.dormant
    if (contact === undefined || contact.warnedOf === since || !this.#send('ending', tunnel)) return
    await lifecycle.setContact(tunnel.id, { ...contact, warnedOf: since })
  }

  /** False: it could not be given to the mailer. */
  #send(occasion: 'dormant' | 'ending', tunnel: DormantTunnel): boolean {
    const { store, lifecycle, words, origin, publicUrl, mailer } = this.#options
    const contact = store.tunnels.contactOf(tunnel.id)
    if (contact === undefined) return true
    const language = words.byTag(contact.language) ?? words.fallback
    const name = nameOf(tunnel, origin)
    if (tunnel.dormant.isSuspended) {
      const text = language.sentence('mail-suspended', { name })
      return mailer.send({
        to: contact.email,
        subject: language.sentence('mail-suspended-subject', { name }),
        text,
      })
    }
    const end = lifecycle.endOf(tunnel) ?? 0
    const until = new Date(end * 1000).toISOString().slice(0, 16).replace('T', ' ')
    const facts = { name, until, page: `${publicUrl}/tunnels/${tunnel.id}` }
    const subject = language.sentence(`mail-${occasion}-subject`, { name })
    return mailer.send({ to: contact.email, subject, text: language.sentence(`mail-${occasion}`, facts) })
  }
}
