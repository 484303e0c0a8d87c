import type { Conversation } from './conversation.ts'

/** A transfer that waits until others have ended; its zone is read as it is then. */
export class AwaitedTransfer implements Conversation {
  readonly #refuse: (reply: Uint8Array, seconds: number) => number
  readonly #withdraw: () => void
  #start: (() => void) | undefined
  #transfer: Conversation | undefined
  #hasTurn = false
  #isOver = false

  /** `refuse` writes the reply if no transfer has begun in time; `withdraw` is called if none will be needed. */
  constructor(parts: {
    readonly refuse: (reply: Uint8Array, seconds: number) => number
    readonly withdraw: () => void
  }) {
    this.#refuse = parts.refuse
    this.#withdraw = parts.withdraw
  }

  get isDone(): boolean {
    return this.#isOver || this.#transfer?.isDone === true
  }

  /** It is its turn: with this transfer, or undefined if it can not be made after all. */
  begin(transfer: Conversation | undefined): void {
    this.#transfer = transfer
    this.#hasTurn = true
    if (this.#start !== undefined) setImmediate(this.#begun) // who has just ended is not done yet
  }

  whenReady(start: () => void): void {
    this.#start = start
    if (this.#hasTurn) start()
  }

  readonly #begun = (): void => this.#start?.()

  next(reply: Uint8Array, seconds: number): number {
    this.#start = undefined // a turn that came in the same moment as the end of patience starts nothing twice
    if (this.#transfer !== undefined) return this.#transfer.next(reply, seconds)
    if (this.#isOver) return 0
    this.#isOver = true
    this.#withdraw()
    return this.#refuse(reply, seconds)
  }

  close(): void {
    this.#isOver = true
    this.#start = undefined
    this.#withdraw()
    this.#transfer?.close()
  }
}
