import { randomInt } from 'node:crypto'
import type { Prefix } from '../address/prefix.ts'
import type { Libc } from '../listen/libc.ts'
import { BATCH } from '../listen/udp/socket-memory.ts'
import { octet } from '../wire/octets.ts'
import { ECHO_LENGTH, ICMPV6, roundOf } from './echo-message.ts'
import { EchoRound, type RoundEnd } from './echo-round.ts'
import { EchoTargets } from './echo-targets.ts'
import { IcmpSocket } from './icmp-socket.ts'
import { PingProber } from './ping-prober.ts'
import type { ProbeOptions, Prober, Verdicts } from './prober.ts'

/** Batches taken in one turn: after that the rest of the process has its turn. */
const BATCHES_A_TURN = 8
const IDENTIFIERS = 0x10000
/** Behind an ICMPv6 unreachable's own 8 octets and the quoted IPv6 header of 40. */
const QUOTED_REQUEST = 48

interface Running {
  readonly round: EchoRound
  readonly end: (how: RoundEnd) => void
}

/** A socket while a round needs it. */
interface Watched {
  readonly socket: IcmpSocket
  /** When its queue was last seen empty. */
  emptyAt: number
}

/**
 * Echoes through raw sockets of our own, one for each family, which are open while a round runs. Requests are paced and
 * leave 64 a system call; between two batches the rest of the process has its turn.
 */
export class IcmpProber implements Prober {
  readonly kind = 'icmp'
  readonly #libc: Libc
  readonly #pool: Prefix | undefined
  readonly #identifier = randomInt(IDENTIFIERS)
  readonly #running = new Map<number, Running>()
  readonly #sockets = new Map<4 | 6, Watched>()
  readonly #ping = new PingProber()
  #lastId = 0
  #isTurning = false
  /** Runs between two turns. */
  #pause: NodeJS.Timeout | undefined

  /** Clients of `pool` are asked from the server's ends of their links, which no device need have. */
  constructor(libc: Libc, pool?: Prefix) {
    this.#libc = libc
    this.#pool = pool
  }

  /** Undefined if this process may use raw sockets, else the name of the system's error. */
  static obstacle(libc: Libc): string | undefined {
    const sockets = ([4, 6] as const).map(family => IcmpSocket.open(libc, family, 0))
    for (const socket of sockets) if (typeof socket !== 'string') socket.close()
    return sockets.every(socket => typeof socket === 'string') ? sockets[0] : undefined
  }

  /** Large requests are rare, and don't fit the room of a message here: the system's ping sends them. */
  probe(targets: readonly string[], options: ProbeOptions): Promise<Verdicts> {
    if (options.dataOctets !== undefined) return this.#ping.probe(targets, options)
    return new Promise(resolve => {
      for (const family of familiesOf(targets)) this.#socketOf(family)
      const id = this.#nextId()
      const round = new EchoRound({
        id,
        targets: new EchoTargets(targets, this.#pool),
        options,
        identifier: this.#identifier,
        sockets: Array.from(this.#sockets.values(), ({ socket }) => socket),
        now: performance.now(),
      })
      const stop = () => end('stopped')
      const end = (how: RoundEnd) => {
        options.signal?.removeEventListener('abort', stop)
        this.#running.delete(id)
        resolve(round.verdicts(how))
        if (this.#running.size === 0) this.#closeSockets()
      }
      this.#running.set(id, { round, end })
      if (options.signal?.aborted) return stop()
      options.signal?.addEventListener('abort', stop, { once: true })
      if (!this.#isTurning || this.#pause !== undefined) this.#turn()
    })
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0
    return this.#lastId
  }

  /** A fault ends all rounds: nobody else would, and whoever waits for one would wait for ever. */
  #turn(): void {
    try {
      this.#work()
    } catch (error) {
      this.#isTurning = false
      for (const { end } of [...this.#running.values()]) end('failed')
      setImmediate(() => {
        throw error // to whoever looks after faults: a promise that has its outcome would swallow it
      })
    }
  }

  /** Receives, sends what is due, ends what is over, and comes back: at once if something is left to do. */
  #work(): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
    this.#isTurning = this.#running.size > 0
    if (!this.#isTurning) return
    const isDrained = this.#receiveAll()
    const now = performance.now()
    for (const { round } of this.#running.values()) round.sendDue(family => this.#socketOf(family), now)
    for (const { round, end } of [...this.#running.values()]) {
      if (isDrained && round.isOver(now)) end('over')
      else if (!isDrained && round.isFlooded(now)) end('flooded')
    }
    const rounds = Array.from(this.#running.values(), ({ round }) => round)
    this.#isTurning = rounds.length > 0
    if (!this.#isTurning) return
    if (!isDrained || rounds.some(round => round.isBehind(now))) setImmediate(() => this.#turn())
    else this.#pause = setTimeout(() => this.#turn(), Math.min(...rounds.map(round => round.pauseMs(now))))
  }

  /** False if a socket may hold more. */
  #receiveAll(): boolean {
    let isDrained = true
    for (const watched of this.#sockets.values()) isDrained = this.#receive(watched) && isDrained
    return isDrained
  }

  #receive(watched: Watched): boolean {
    watched.socket.noteLosses()
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) {
      const now = performance.now()
      const count = watched.socket.receive()
      for (let i = 0; i < count; i++) this.#take(watched, i, now)
      if (count === BATCH) continue
      watched.emptyAt = now
      return true
    }
    return false
  }

  #take({ socket, emptyAt }: Watched, index: number, now: number): void {
    const at = socket.messageAt(index)
    const isUnreachable = socket.family === 6 && octet(socket.octets, at) === ICMPV6.unreachable
    const echoAt = isUnreachable ? at + QUOTED_REQUEST : at
    if (echoAt + ECHO_LENGTH > socket.messageEnd(index)) return
    const running = this.#running.get(roundOf(socket.octets, echoAt))
    running?.round.take(socket, index, { emptyAt, now })
  }

  #socketOf(family: 4 | 6): IcmpSocket | string {
    const there = this.#sockets.get(family)
    if (there !== undefined) return there.socket
    const socket = IcmpSocket.open(this.#libc, family, this.#identifier)
    if (typeof socket !== 'string') this.#sockets.set(family, { socket, emptyAt: performance.now() })
    return socket
  }

  #closeSockets(): void {
    for (const { socket } of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }
}

/** What sockets a round needs: each costs a system call every time that replies are looked for. */
function familiesOf(targets: readonly string[]): readonly (4 | 6)[] {
  const count6 = targets.reduce((count, target) => (target.includes(':') ? count + 1 : count), 0)
  return count6 === 0 ? [4] : count6 === targets.length ? [6] : [4, 6]
}
