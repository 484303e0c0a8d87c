import type { Handover, Letter } from '../../src/mail/carrier.ts'
import { Confirmations } from '../../src/mail/confirmations.ts'
import { Deliveries } from '../../src/mail/deliveries.ts'
import { type HandoverCounts, noHandovers } from '../../src/mail/handover-counts.ts'
import { LetterWriter } from '../../src/mail/letter-writer.ts'
import { RefusedTargets } from '../../src/mail/refused-targets.ts'
import type { WayName } from '../../src/tunnel/contact.ts'
import { Words } from '../../src/words/words.ts'
import { SILENT, type World } from '../lifecycle/world.ts'

export interface PostOptions {
  readonly ways?: readonly WayName[]
  /** What becomes of the next letter: it is taken unless this says something else. */
  readonly answer: () => Handover | undefined
  /** Gets those that are taken. */
  readonly took: (letter: Letter) => void
  /** Hears what the log says, warnings and errors. */
  readonly note?: (about: object, words: string) => void
  /** Counted up, if given. */
  readonly handovers?: HandoverCounts
  readonly refusedTargets?: RefusedTargets
}

/** Hands the notices of a world over to a list, in place of a mail server. */
export function openPost({ broker: { store, lifecycle } }: World, options: PostOptions): Deliveries {
  const { ways = ['email'], answer, took, note = () => undefined, handovers = noHandovers() } = options
  const { refusedTargets = new RefusedTargets() } = options
  const writer = new LetterWriter({
    tunnels: store.tunnels,
    endOf: tunnel => lifecycle.endOf(tunnel),
    words: Words.load(),
    origin: 'freenet6.net',
    publicUrl: 'https://broker.example.net',
    confirmations: new Confirmations(store),
    keepLink: (id, token, target) => lifecycle.proofs.keepLink(id, token, target),
  })
  const carrier = {
    carry: async (letter: Letter) => {
      const handover = answer() ?? { kind: 'taken' as const }
      if (handover.kind === 'taken') took(letter)
      return handover
    },
    close: () => undefined,
  }
  const carriers = new Map(ways.map(way => [way, carrier] as const))
  const log = { ...SILENT, warn: note, error: note }
  return new Deliveries({
    store,
    notices: lifecycle.notices,
    carriers,
    writer,
    log,
    handovers,
    refusedTargets,
  })
}
