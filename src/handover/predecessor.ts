import type { PassedSocket } from '../listen/held-sockets.ts'
import {
  type Coming,
  type Memory,
  type PredecessorMessage,
  passedSockets,
  predecessorMessage,
  SOCKETS_VARIABLE,
  type SuccessorMessage,
} from './messages.ts'

/** The process that has started this one to take its place: see messages.ts. If it dies, this one goes on alone. */
export class Predecessor {
  readonly sockets: readonly PassedSocket[]
  readonly #process: NodeJS.Process
  readonly #heard: PredecessorMessage[] = []
  #isGone = false
  #wake: () => void = () => undefined

  /** Undefined if this process was started by anybody else. */
  static of(process: NodeJS.Process): Predecessor | undefined {
    const text = process.env[SOCKETS_VARIABLE]
    delete process.env[SOCKETS_VARIABLE] // no child of this process is a successor because of it
    if (text === undefined || process.send === undefined) return undefined
    const sockets = passedSockets.parse(JSON.parse(text))
    return new Predecessor(
      process,
      sockets.map(({ asked, ...socket }) => ({ ...socket, asked })),
    )
  }

  private constructor(process: NodeJS.Process, sockets: readonly PassedSocket[]) {
    this.#process = process
    this.sockets = sockets
    process.on('message', message => {
      const reading = predecessorMessage.safeParse(message)
      if (reading.success) this.#heard.push(reading.data)
      this.#wake()
    })
    process.once('disconnect', () => {
      this.#isGone = true
      this.#wake()
    })
  }

  /**
   * Says that nothing is known to be in the way, and what would be served; resolves with what the predecessor remembers,
   * once the table is free.
   */
  async released(coming: Coming): Promise<Memory | undefined> {
    this.#say({ kind: 'prepared', coming })
    const message = await this.#hear('released')
    return message?.kind === 'released' ? message.memory : undefined
  }

  /** Says that queries are answered; resolves when the predecessor answers none any more. */
  async silent(): Promise<void> {
    this.#say({ kind: 'answering' })
    await this.#hear('silent')
  }

  /** Says that all is served; resolves when this process is the service. */
  async left(): Promise<void> {
    this.#say({ kind: 'serving' })
    await this.#hear('yours')
    if (this.#process.connected) this.#process.disconnect()
  }

  /** Says why this process ends. */
  async failed(reasons: readonly string[]): Promise<void> {
    await new Promise<void>(resolve => {
      if (!this.#process.connected) resolve()
      else this.#process.send?.({ kind: 'failed', reasons }, undefined, undefined, () => resolve())
    })
  }

  /** Lets this process end although the channel is open. */
  leave(): void {
    if (this.#process.connected) this.#process.disconnect()
  }

  #say(message: SuccessorMessage): void {
    if (this.#process.connected) this.#process.send?.(message, undefined, undefined, () => undefined)
  }

  /** Undefined if the predecessor is gone. */
  async #hear(kind: PredecessorMessage['kind']): Promise<PredecessorMessage | undefined> {
    for (;;) {
      const message = this.#heard.find(one => one.kind === kind)
      if (message !== undefined || this.#isGone) return message
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
