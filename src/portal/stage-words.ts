import { utcSeconds } from '../shared/clock.ts'
import { minuteOf } from '../shared/minute.ts'
import { stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'

type Stage = Pick<Tunnel, 'unreachable' | 'waitUntil' | 'dormant' | 'kind'>

/** What the stage of a tunnel means for its owner. `end`: UTC seconds at which it ends by itself; undefined: it does not. */
export function stageWords(tunnel: Stage, end: number | undefined, language: Language): string {
  return language.sentence(`state-${stateOf(tunnel)}`, endFacts(end))
}

/** The same for a tunnel that was to wake just now and could not: what its owner can give for it to wake with. */
export function unwokenWords(tunnel: Stage, end: number | undefined, language: Language): string {
  if (stateOf(tunnel) !== 'dormant') return stageWords(tunnel, end, language)
  const hasAddress = tunnel.kind.publicKey === undefined
  return language.sentence(hasAddress ? 'unwoken' : 'unwoken-wireguard', endFacts(end))
}

/** The same in a few words, for a list. */
export function briefStageWords(tunnel: Stage, end: number | undefined, language: Language): string {
  return language.sentence(`brief-${stateOf(tunnel)}`, endFacts(end))
}

function endFacts(end: number | undefined): { readonly until: string; readonly left: number } {
  return { until: minuteOf(end), left: end === undefined ? 0 : Math.max(0, end - utcSeconds()) }
}
