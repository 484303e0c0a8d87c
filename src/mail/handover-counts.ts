import type { WayName } from '../tunnel/contact.ts'
import type { Handover } from './carrier.ts'

/** What became of tries to hand notices over since the start: how many by each way. */
export type HandoverCounts = Readonly<Record<Handover['kind'], Record<WayName, number>>>

export function noHandovers(): HandoverCounts {
  const none = () => ({ email: 0, webhook: 0 })
  return { taken: none(), refused: none(), failed: none() }
}
