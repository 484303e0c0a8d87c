import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items that are worked through in one turn of the event loop: a few milliseconds where each is a tunnel. */
const ITEMS_A_TURN = 1000

/** Does a work for each item in its order, with turns of the event loop in between: others are answered meanwhile. */
export async function inTurns<Item>(items: Iterable<Item>, work: (item: Item) => void): Promise<void> {
  let left = ITEMS_A_TURN
  for (const item of items) {
    work(item)
    if (--left > 0) continue
    left = ITEMS_A_TURN
    await nextTurn()
  }
}

/** Work that can wait wherever it yields, every few milliseconds. */
export type Pausing<Outcome> = Generator<undefined, Outcome>

/** Does it without a pause. */
export function atOnce<Outcome>(work: Pausing<Outcome>): Outcome {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** Does it with a turn of the event loop in each pause. */
export async function withTurns<Outcome>(work: Pausing<Outcome>): Promise<Outcome> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await nextTurn()
  }
}
