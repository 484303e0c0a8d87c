import { utcSeconds } from '../shared/clock.ts'
import { stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { minuteOf } from './minute.ts'

type Stage = Pick<Tunnel, 'unreachable' | 'waitUntil' | 'dormant' | 'kind'>

/** What the stage of a tunnel means for its owner. `end`: UTC seconds at which it ends by itself; undefined: it does not. */
export function stageWords(tunnel: Stage, end: number | undefined, language: Language): string {
  const state = stateOf(tunnel)
  const isAsleep = state === 'dormant' && tunnel.kind.publicKey !== undefined // it has no address to be given
  return language.sentence(isAsleep ? 'state-dormant-wireguard' : `state-${state}`, endFacts(end))
}

/** The same in a few words, for a list. */
export function briefStageWords(tunnel: Stage, end: number | undefined, language: Language): string {
  return language.sentence(`brief-${stateOf(tunnel)}`, endFacts(end))
}

function endFacts(end: number | undefined): { readonly until: string; readonly left: number } {
  return { until: minuteOf(end), left: end === undefined ? 0 : Math.max(0, end - utcSeconds()) }
}
