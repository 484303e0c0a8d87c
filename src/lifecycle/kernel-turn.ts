/** Kernel work runs one after the other, whether what came before failed or not. There is no lock to forget. */
export class KernelTurn {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
