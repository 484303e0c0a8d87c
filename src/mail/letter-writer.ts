import type { Notice } from '../store/notice.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import type { DormantTunnel } from '../tunnel/tunnel.ts'
import { nameOf } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import type { Words } from '../words/words.ts'
import type { Letter } from './carrier.ts'
import type { Confirmations } from './confirmations.ts'
import type { RecoveryLinks } from './recovery-links.ts'

export interface LetterWriterOptions {
  readonly tunnels: Pick<TunnelReader, 'dormant'>
  readonly endOf: (tunnel: DormantTunnel) => number | undefined
  readonly words: Words
  readonly origin: string
  readonly publicUrl: string
  readonly confirmations: Confirmations
  readonly links: RecoveryLinks
}

/** Puts notices into words, in the language that their reader has chosen. */
export class LetterWriter {
  readonly #options: LetterWriterOptions

  constructor(options: LetterWriterOptions) {
    this.#options = options
  }

  write(notice: Notice): Letter {
    const { words, origin } = this.#options
    const { number, target, occasion } = notice
    const language = words.byTag(notice.language) ?? words.fallback
    const name = nameOf(notice, origin)
    const page = this.#pageOf(notice)
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

  #pageOf({ tunnelId, occasion, way, target }: Notice): string {
    const { publicUrl, confirmations, links } = this.#options
    switch (occasion) {
      case 'confirm':
        return `${publicUrl}/notices/${tunnelId}/${confirmations.tokenOf(tunnelId, { kind: way, target })}`
      case 'recover':
        return `${publicUrl}/recover/mail/${links.make(tunnelId)}`
      case 'ended':
      case 'deleted':
        return publicUrl
      case 'dormant':
      case 'ending':
      case 'suspended':
      case 'resumed':
        return `${publicUrl}/tunnels/${tunnelId}`
      default:
        return occasion satisfies never
    }
  }

  /** How to have no more of them; nothing below a letter that somebody has asked for, or that is the last. */
  #ending({ tunnelId, occasion, way, target }: Notice, language: Language): string {
    if (occasion === 'confirm' || occasion === 'recover' || occasion === 'ended' || occasion === 'deleted')
      return ''
    const { publicUrl, confirmations } = this.#options
    const token = confirmations.tokenOf(tunnelId, { kind: way, target })
    return `\n\n${language.sentence('mail-stop', { link: `${publicUrl}/notices/${tunnelId}/${token}` })}`
  }

  #untilOf({ tunnelId }: Notice): string {
    const dormant = this.#options.tunnels.dormant.byId(tunnelId)
    const end = dormant === undefined ? undefined : this.#options.endOf(dormant)
    return end === undefined ? '' : new Date(end * 1000).toISOString().slice(0, 16).replace('T', ' ')
  }
}
