import type { Problem } from '../shared/problem.ts'
import { WAYS, type WayName } from '../tunnel/contact.ts'
import type { Language } from '../words/language.ts'

/** Tells the warnings of ways to an owner where nobody could be asked from the others. */
export function unaskedIn(
  warnings: readonly Problem[],
  language: Language,
): {
  /** How long until somebody can be asked there, in words; empty: somebody was. */
  readonly waitOf: (way: WayName) => string
  readonly others: readonly Problem[]
} {
  const isUnasked = ({ code, field }: Problem) =>
    code === 'too-many-requests' && WAYS.some(way => way === field)
  const unasked = warnings.filter(isUnasked)
  return {
    waitOf: way => {
      const seconds = unasked.find(({ field }) => field === way)?.params.seconds
      return seconds === undefined ? '' : language.duration(Number(seconds))
    },
    others: warnings.filter(warning => !isUnasked(warning)),
  }
}

/** What a page says of a way where nobody has said yes yet. */
export function questionValues(question: 'waiting' | 'failing' | undefined): {
  readonly isWaiting: boolean
  readonly isFailing: boolean
} {
  return { isWaiting: question === 'waiting', isFailing: question === 'failing' }
}
