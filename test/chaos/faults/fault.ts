import type { Dice } from '../../peers/random/dice.ts'
import type { Tools } from '../tools.ts'
import type { TriedBroker } from '../tried-broker.ts'

/** What a fault strikes at. */
export interface World {
  readonly broker: TriedBroker
  readonly tools: Tools
  readonly dice: Dice
}

/** Ends a fault. */
export type Lift = () => Promise<void> | void

export interface Fault {
  readonly name: string
  /** The broker runs on meanwhile: it may be killed in the middle of it. */
  readonly isSurvived: boolean
  /** Begins it; resolves with what ends it. */
  strike(world: World): Promise<Lift>
}
