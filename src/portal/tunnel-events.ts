import { PassThrough, type Readable } from 'node:stream'
import { formatIpv6 } from '../address/ipv6.ts'
import { type Prober, type Verdict, verdictOf } from '../echo/prober.ts'
import type { Customers } from '../registration/customers.ts'
import type { Log } from '../shared/log.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { RowDifference, TunnelStore } from '../store/tunnel-store.ts'
import { NEW, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { stageWords } from './stage-words.ts'

/** Listeners of a tunnel, of a visitor, and in all: each holds a connection. */
const MAX_PER_TUNNEL = 8
const MAX_PER_VISITOR = 16
const MAX_IN_ALL = 1000
/** Tunnels that somebody listens to are pinged this often, beside the monitor. */
const PROBE_INTERVAL_MS = 4000
/** A line of no meaning keeps proxies from closing a quiet connection. */
const HEARTBEAT_MS = 15_000
/** A listener that has not read as many octets is let go; its browser comes again. */
const MAX_UNREAD = 65_536

interface Listener {
  readonly tunnelId: string
  readonly visitor: string
  readonly language: Language
  /** Whether the session or key that opened the stream is void since. */
  readonly isEnded: () => boolean
  readonly stream: PassThrough
}

/**
 * What happens to a tunnel, as server-sent events (WHATWG HTML 9.2): `state` at first and when it changes, `echo` for
 * each ping that is sent for as long as somebody listens. Each has the words for a person in `text`.
 */
export class TunnelEvents {
  readonly #table: TunnelReader
  readonly #prober: Prober
  readonly #timeoutMs: number
  readonly #endOf: (tunnel: Tunnel) => number | undefined
  readonly #customers: Pick<Customers, 'keyOf'>
  readonly #log: Log
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #perVisitor = new Map<string, number>()
  readonly #stopFollowing: () => void
  readonly #heart: NodeJS.Timeout
  #probing: NodeJS.Timeout | undefined
  #count = 0
  #isClosed = false

  constructor(parts: {
    readonly table: TunnelReader
    readonly store: Pick<TunnelStore, 'onCommitted'>
    readonly prober: Prober
    /** How long an echo reply may take, in milliseconds. */
    readonly timeoutMs: number
    /** UTC seconds at which a state ends by itself; undefined: it does not. */
    readonly endOf: (tunnel: Tunnel) => number | undefined
    readonly customers: Pick<Customers, 'keyOf'>
    readonly log: Log
  }) {
    this.#table = parts.table
    this.#prober = parts.prober
    this.#timeoutMs = parts.timeoutMs
    this.#endOf = parts.endOf
    this.#customers = parts.customers
    this.#log = parts.log
    this.#stopFollowing = parts.store.onCommitted(({ rows }) => this.#tellRows(rows))
    this.#heart = setInterval(() => this.#beat(), HEARTBEAT_MS).unref()
  }

  /** A stream of events that ends with the tunnel, the server or the right to hear it; undefined: too many listen already. */
  listen(
    tunnel: Tunnel,
    {
      visitor,
      language,
      isEnded,
    }: { readonly visitor: { readonly address: string } } & Pick<Listener, 'language' | 'isEnded'>,
  ): Readable | undefined {
    const key = this.#customers.keyOf(visitor)
    const siblings = this.#listeners.get(tunnel.id) ?? new Set()
    const mine = this.#perVisitor.get(key) ?? 0
    const isFull = siblings.size >= MAX_PER_TUNNEL || mine >= MAX_PER_VISITOR || this.#count >= MAX_IN_ALL
    if (isFull || this.#isClosed) return undefined
    const listener = { tunnelId: tunnel.id, visitor: key, language, isEnded, stream: new PassThrough() }
    this.#listeners.set(tunnel.id, siblings.add(listener))
    this.#perVisitor.set(key, mine + 1)
    this.#count++
    listener.stream.once('close', () => this.#forget(listener))
    this.#sendState(listener, tunnel)
    this.#probing ??= setTimeout(() => this.#probe(), 0)
    return listener.stream
  }

  /** Ends all streams of a tunnel; who may listen comes again. */
  end(tunnelId: string): void {
    for (const listener of this.#listeners.get(tunnelId) ?? []) this.#dismiss(listener)
  }

  /** Ends the streams of a tunnel whose listeners may not hear it any more. */
  endOverdue(tunnelId: string): void {
    for (const listener of this.#listeners.get(tunnelId) ?? []) this.#isOverdue(listener)
  }

  close(): void {
    this.#isClosed = true
    this.#stopFollowing()
    clearInterval(this.#heart)
    clearTimeout(this.#probing)
    for (const { stream } of this.#all()) stream.end()
  }

  /** Ends a stream and frees its place at once: a listener that does not read would hold it for ever. */
  #dismiss(listener: Listener): void {
    listener.stream.end()
    this.#forget(listener)
  }

  /** Dismisses a listener that may not hear more; one of whom nobody can tell stays. */
  #isOverdue(listener: Listener): boolean {
    try {
      if (!listener.isEnded()) return false
    } catch (error) {
      this.#log.error({ err: error }, 'nobody can tell whether somebody may listen')
      return false
    }
    this.#dismiss(listener)
    return true
  }

  #forget(listener: Listener): void {
    const { tunnelId, visitor } = listener
    const siblings = this.#listeners.get(tunnelId)
    if (siblings?.delete(listener) !== true) return // dismissed before its stream was closed
    if (siblings.size === 0) this.#listeners.delete(tunnelId)
    const rest = (this.#perVisitor.get(visitor) ?? 1) - 1
    if (rest === 0) this.#perVisitor.delete(visitor)
    else this.#perVisitor.set(visitor, rest)
    this.#count--
  }

  #tellRows(rows: readonly RowDifference[]): void {
    if (this.#count === 0) return
    for (const { before, after } of rows) {
      const id = after?.id ?? before?.id ?? ''
      const listeners = this.#listeners.get(id)
      if (listeners === undefined) continue
      const tunnel = after ?? this.#table.dormant.byId(id)
      for (const listener of listeners) {
        if (this.#isOverdue(listener)) continue
        if (tunnel === undefined) this.#sendGone(listener)
        else this.#sendState(listener, tunnel)
      }
    }
  }

  /** One round for all tunnels that somebody listens to, however many listen; then the next, while anybody does. */
  async #probe(): Promise<void> {
    try {
      const targets = this.#targets()
      const verdicts = await this.#prober.probe([...targets.values()], { timeoutMs: this.#timeoutMs })
      for (const [id, target] of targets) this.#tellEcho(id, verdictOf(verdicts, target))
    } catch (error) {
      this.#log.error({ err: error }, 'tunnels that are listened to could not be pinged')
    }
    const goesOn = this.#count > 0 && !this.#isClosed
    this.#probing = goesOn ? setTimeout(() => this.#probe(), PROBE_INTERVAL_MS).unref() : undefined
  }

  /** Tunnels that somebody listens to and that can answer: their addresses by id. */
  #targets(): ReadonlyMap<string, string> {
    const tunnels = [...this.#listeners.keys()].flatMap(id => this.#table.byId(id) ?? [])
    const up = tunnels.filter(({ unreachable }) => unreachable !== NEW)
    return new Map(up.map(({ id, ipv6Client }) => [id, formatIpv6(ipv6Client)]))
  }

  #sendState({ language, stream }: Listener, tunnel: Tunnel): void {
    const state = stateOf(tunnel)
    const text = stageWords(tunnel, this.#endOf(tunnel), language)
    send(stream, 'state', { state, unreachable: tunnel.unreachable, text })
  }

  /** No more comes of a tunnel that is gone. */
  #sendGone(listener: Listener): void {
    const { language, stream } = listener
    send(stream, 'state', { state: 'gone', text: language.sentence('state-gone') })
    this.#dismiss(listener)
  }

  #tellEcho(id: string, verdict: Verdict): void {
    if (verdict.kind === 'unknown') return
    for (const listener of this.#listeners.get(id) ?? [])
      if (!this.#isOverdue(listener)) sendEcho(listener, verdict)
  }

  #beat(): void {
    for (const listener of [...this.#all()]) if (!this.#isOverdue(listener)) write(listener.stream, ':\n\n')
  }

  *#all(): Generator<Listener> {
    for (const siblings of this.#listeners.values()) yield* siblings
  }
}

function sendEcho({ language, stream }: Listener, verdict: Exclude<Verdict, { kind: 'unknown' }>): void {
  if (verdict.kind === 'silent') {
    send(stream, 'echo', { answered: false, text: language.sentence('echo-silent') })
    return
  }
  const ms = Math.max(1, Math.round(verdict.rttMs))
  send(stream, 'echo', {
    answered: true,
    rtt_ms: verdict.rttMs,
    text: language.sentence('echo-answered', { ms }),
  })
}

function send(stream: PassThrough, event: string, data: object): void {
  write(stream, `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function write(stream: PassThrough, text: string): void {
  if (stream.writableEnded || stream.destroyed) return
  if (stream.writableLength + stream.readableLength > MAX_UNREAD) stream.destroy()
  else stream.write(text)
}
