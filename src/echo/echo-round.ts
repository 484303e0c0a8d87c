import { BATCH } from '../listen/udp/socket-memory.ts'
import { octet } from '../wire/octets.ts'
import { EchoMessages, ICMPV6, indexOf, TARGET_ROOM } from './echo-message.ts'
import type { EchoTargets } from './echo-targets.ts'
import type { Destination, IcmpSocket } from './icmp-socket.ts'
import { type ProbeOptions, SILENT, unknown, type Verdict, type Verdicts } from './prober.ts'

/** All requests of a round leave within this time, so that a large round does not outlast the interval. */
const SEND_TIME_MS = 5000
/** No faster than the interfaces' queues take it, unless the round is too large for that. */
const REQUESTS_A_MS = 20
/** How much longer than planned the sending may take: the system's queue may be full. */
const SEND_PATIENCE_MS = 10_000
/** How long after the end of a round its replies are looked for in a queue that does not get empty. */
const FLOOD_PATIENCE_MS = 5000
/** How long nothing is looked at while a round sends: what a round-trip time may be too long by. */
const POLL_MS = 2
/** Once all is sent, this part of the time since: every round-trip time to come is longer than that time. */
const POLL_SHARE = 0.02
const LONGEST_POLL_MS = 20
/** Behind an ICMPv6 unreachable's own 8 octets is the packet that could not be delivered, its header of 40 first. */
const QUOTED_SOURCE = 16
const QUOTED_REQUEST = 48
const RETURNED_BY_US = unknown('our own system returned the request as unreachable')
const LOST_BY_US = unknown('replies were lost in our own queue')
const SEND_QUEUE_FULL = unknown('not sent: the queue was full')
const FLOODED = unknown('so many echo replies came in that those of the round were not found among them')
const STOPPED = unknown('the round was stopped')
const FAILED = unknown('the prober itself failed')

/** Of those that nothing was heard of, but for a round that is over. */
const UNHEARD = { flooded: FLOODED, failed: FAILED, stopped: STOPPED } as const

/** `over`: all that came in time was read. `flooded`: it can't be. `failed`: a fault of the prober itself. */
export type RoundEnd = 'over' | 'flooded' | 'failed' | 'stopped'

/** One round between its first request and its verdicts: knows what was sent when, and what came back. */
export class EchoRound {
  readonly id: number
  readonly #targets: EchoTargets
  readonly #messages: EchoMessages
  readonly #timeoutMs: number
  readonly #startedAt: number
  readonly #sendTimeMs: number
  readonly #sentAt: Float64Array
  readonly #verdicts: (Verdict | undefined)[]
  readonly #lostBefore: ReadonlyMap<IcmpSocket, number>
  #next = 0
  #open = 0
  #lastSentAt: number

  constructor(parts: {
    readonly id: number
    readonly targets: EchoTargets
    readonly options: ProbeOptions
    /** Of all echoes of the prober. */
    readonly identifier: number
    readonly sockets: Iterable<IcmpSocket>
    readonly now: number
  }) {
    this.id = parts.id
    this.#targets = parts.targets
    this.#messages = new EchoMessages({
      round: parts.id,
      identifier: parts.identifier,
      targets: this.#targets.texts.length,
    })
    this.#timeoutMs = parts.options.timeoutMs
    this.#startedAt = parts.now
    this.#lastSentAt = parts.now
    this.#sendTimeMs = Math.min(SEND_TIME_MS, this.#targets.texts.length / REQUESTS_A_MS)
    this.#sentAt = new Float64Array(this.#targets.texts.length)
    this.#verdicts = Array.from({ length: this.#targets.texts.length })
    this.#lostBefore = new Map(Array.from(parts.sockets, socket => [socket, socket.lost]))
  }

  get #isSent(): boolean {
    return this.#next >= this.#targets.texts.length
  }

  /** Are requests due that have not been sent? */
  isBehind(now: number): boolean {
    return this.#next < this.#dueBy(now)
  }

  /** Whether packets, for whomever, come in faster than they are read: the end of the queue was not seen long after the round. */
  isFlooded(now: number): boolean {
    return this.#isSent && now - this.#lastSentAt > this.#timeoutMs + FLOOD_PATIENCE_MS
  }

  /** Every verdict is known, or no reply can come in time any more. */
  isOver(now: number): boolean {
    return this.#isSent && (this.#open === 0 || now - this.#lastSentAt > this.#timeoutMs)
  }

  /** Milliseconds until replies are looked for again. */
  pauseMs(now: number): number {
    if (!this.#isSent) return POLL_MS
    return Math.max(POLL_MS, Math.min(LONGEST_POLL_MS, (now - this.#lastSentAt) * POLL_SHARE))
  }

  /** Sends what is due, a batch at most. Targets of a family that has no socket get its reason. */
  sendDue(socketOf: (family: 4 | 6) => IcmpSocket | string, now: number): void {
    const end = Math.min(this.#dueBy(now), this.#next + BATCH)
    while (this.#next < end) {
      const first = this.#next
      const family = this.#targets.read(first)
      const socket = family === 4 || family === 6 ? socketOf(family) : 'it is no address'
      if (typeof socket === 'string') this.#settleNext(unknown(`not sent: ${socket}`))
      else this.#sendRun(socket, end, now)
      if (this.#next === first) break // the queue is full: later
    }
    if (!this.#isSent && now - this.#startedAt > this.#sendTimeMs + SEND_PATIENCE_MS) this.#giveUpSending()
  }

  /**
   * Takes a message whose round this is. `emptyAt` is when the queue was last seen empty: the message came after that,
   * and a reply that only we were late to read is in time.
   */
  take(socket: IcmpSocket, index: number, times: { readonly emptyAt: number; readonly now: number }): void {
    const at = socket.messageAt(index)
    if (socket.family === 6 && octet(socket.octets, at) === ICMPV6.unreachable) {
      this.#takeUnreachable(socket, at, socket.sourceAt(index))
      return
    }
    const target = this.#targetOf(socket, at)
    if (target === undefined || !this.#isTarget(socket, target, socket.sourceAt(index))) return
    const sentAt = this.#sentAt[target] ?? 0
    if (this.#verdicts[target]?.kind === 'answered' || times.emptyAt - sentAt > this.#timeoutMs) return
    if (this.#verdicts[target] === undefined) this.#open--
    this.#verdicts[target] = { kind: 'answered', rttMs: times.now - sentAt }
  }

  /** What is known at the end: who has not answered is silent, unless it may be our own doing. */
  verdicts(end: RoundEnd): Verdicts {
    const lost = [...this.#lostBefore].some(([socket, before]) => socket.lost !== before)
    const rest = end !== 'over' ? UNHEARD[end] : lost ? LOST_BY_US : SILENT
    const { texts, verdicts } = this.#targets
    for (let i = 0; i < texts.length; i++) {
      const verdict = this.#verdicts[i] ?? rest
      if (verdict !== SILENT) verdicts.set(texts[i] ?? '', verdict)
    }
    return verdicts
  }

  #dueBy(now: number): number {
    const count = this.#targets.texts.length
    const share = this.#sendTimeMs === 0 ? 1 : (now - this.#startedAt) / this.#sendTimeMs
    return Math.min(count, (Math.floor((count * share) / BATCH) + 1) * BATCH) // whole batches: fewer system calls
  }

  /** Sends to the targets of one family that follow each other. */
  #sendRun(socket: IcmpSocket, end: number, now: number): void {
    const first = this.#next
    const { octets: targets, scopes } = this.#targets
    let count = 0
    const destination: Destination = { targets, index: first, scope: 0, ownEnd: undefined }
    for (let i = first; i < end && this.#targets.read(i) === socket.family; i++, count++) {
      this.#messages.write(socket.octets, socket.requestAt(count), socket.family, i)
      destination.index = i
      destination.scope = scopes[i] ?? 0
      destination.ownEnd = this.#targets.ownEndOf(i)
      socket.address(count, destination)
      this.#sentAt[i] = now // a reply may be there before the call returns
    }
    const { done, refused } = socket.send(count)
    for (let i = 0; i < done; i++) {
      const reason = refused.get(i)
      this.#settleNext(reason === undefined ? undefined : unknown(`not sent: ${reason}`))
    }
    if (done > refused.size) this.#lastSentAt = now
  }

  #settleNext(verdict: Verdict | undefined): void {
    this.#verdicts[this.#next] = verdict
    if (verdict === undefined) this.#open++
    this.#next++
  }

  #giveUpSending(): void {
    while (!this.#isSent) this.#settleNext(SEND_QUEUE_FULL)
  }

  /** The target that a request, or the reply to it, is of; undefined if it was not sent by this round. */
  #targetOf(socket: IcmpSocket, at: number): number | undefined {
    const target = indexOf(socket.octets, at)
    if (target >= this.#next || this.#targets.familyOf(target) !== socket.family) return undefined
    return this.#messages.isOurs(socket.octets, at) ? target : undefined
  }

  #isTarget(socket: IcmpSocket, target: number, addressAt: number): boolean {
    const length = socket.family === 4 ? 4 : TARGET_ROOM
    for (let i = 0; i < length; i++) {
      if (socket.octets[addressAt + i] !== this.#targets.octets[target * TARGET_ROOM + i]) return false
    }
    return true
  }

  /** Who sends it is its source where our own system does: the request never left. Anybody else's is silence. */
  #takeUnreachable(socket: IcmpSocket, at: number, sourceAt: number): void {
    for (let i = 0; i < TARGET_ROOM; i++) {
      if (socket.octets[at + QUOTED_SOURCE + i] !== socket.octets[sourceAt + i]) return
    }
    const target = this.#targetOf(socket, at + QUOTED_REQUEST)
    if (target === undefined || this.#verdicts[target] !== undefined) return
    this.#verdicts[target] = RETURNED_BY_US
    this.#open--
  }
}
