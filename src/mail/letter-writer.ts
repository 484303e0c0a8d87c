import { randomBytes } from 'node:crypto'
import { minuteOf } from '../shared/minute.ts'
import type { Notice, Occasion } from '../store/notice.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { DormantTunnel } from '../tunnel/tunnel.ts'
import { nameOf } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'
import type { Letter } from './carrier.ts'
import type { Confirmations } from './confirmations.ts'

const LINK_OCTETS = 16
/** Letters that somebody has asked for, and those after which no other comes. */
const ENDLESS: ReadonlySet<Occasion> = new Set([
  'confirm',
  'recover',
  'ended',
  'deleted',
  'removed',
  'parted',
])

export interface LetterWriterOptions {
  readonly tunnels: Pick<TunnelReader, 'dormant'>
  readonly endOf: (tunnel: DormantTunnel) => number | undefined
  readonly words: Words
  readonly origin: string
  readonly publicUrl: string
  readonly confirmations: Confirmations
  /**
   * Keeps a link that is mailed to a target and makes a new key for a tunnel; false: its owner reads elsewhere by now.
   * Rejects as a commit does.
   */
  readonly keepLink: (tunnelId: string, token: string, target: string) => Promise<boolean>
}

/** Puts notices into words, in the language that their reader has chosen. */
export class LetterWriter {
  readonly #options: LetterWriterOptions

  constructor(options: LetterWriterOptions) {
    this.#options = options
  }

  /** Undefined: its reader is not to have it by now. Rejects if the letter holds a link that can't be kept. */
  async write(notice: Notice): Promise<Letter | undefined> {
    const { words, origin } = this.#options
    const { number, target, occasion } = notice
    const language = words.byTag(notice.language) ?? words.fallback
    const name = nameOf(notice, origin)
    const page = await this.#pageOf(notice)
    if (page === undefined) return undefined
    const facts = { name, page, link: page, until: this.#untilOf(notice) }
    const text = language.sentence(`mail-${occasion}`, facts)
    return {
      to: target,
      occasion,
      subject: language.sentence(`mail-${occasion}-subject`, { name }),
      text: `${text}${this.#ending(notice, language)}`,
      page,
      reference: `${number}.${notice.since}.${notice.tunnelId}`,
    }
  }

  async #pageOf({ tunnelId, occasion, way, target }: Notice): Promise<string | undefined> {
    const { publicUrl, confirmations } = this.#options
    switch (occasion) {
      case 'confirm':
        return `${publicUrl}/notices/${tunnelId}/${confirmations.tokenOf(tunnelId, { kind: way, target })}`
      case 'recover':
        return this.#newLink(tunnelId, target)
      case 'ended':
      case 'deleted':
      case 'removed':
        return publicUrl
      case 'renewed':
      case 'parted':
        return `${publicUrl}/recover`
      case 'dormant':
      case 'ending':
      case 'suspended':
      case 'resumed':
        return `${publicUrl}/tunnels/${tunnelId}`
      default:
        return occasion satisfies never
    }
  }

  /** Its token is in the letter alone: the table has a hash of it. */
  async #newLink(tunnelId: string, target: string): Promise<string | undefined> {
    const token = randomBytes(LINK_OCTETS).toString('base64url')
    const isKept = await this.#options.keepLink(tunnelId, token, target)
    return isKept ? `${this.#options.publicUrl}/recover/mail/${token}` : undefined
  }

  /** How to have no more of them. */
  #ending({ tunnelId, occasion, way, target }: Notice, language: Language): string {
    if (ENDLESS.has(occasion)) return ''
    const { publicUrl, confirmations } = this.#options
    const token = confirmations.tokenOf(tunnelId, { kind: way, target })
    return `\n\n${language.sentence('mail-stop', { link: `${publicUrl}/notices/${tunnelId}/${token}` })}`
  }

  #untilOf({ tunnelId }: Notice): string {
    const dormant = this.#options.tunnels.dormant.byId(tunnelId)
    const end = dormant === undefined ? undefined : this.#options.endOf(dormant)
    return minuteOf(end)
  }
}
