import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import type { Transport } from '../engine/client.ts'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import { RCODE, rcodeText } from '../wire/codes.ts'
import { type Ask, type AskedType, type AskReply, ask } from './dns2-client.ts'

export type Health =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'unhealthy'; readonly reasons: readonly string[] }

/** A tunnel as its row has it. Names without the final dot, in any case. */
export interface SampleTunnel {
  readonly name: string
  readonly ipv6Client: string
  readonly reverseName: string
}

export interface SelfCheckOptions {
  /** Addresses that the nameserver is bound to. */
  readonly listeners: () => readonly Endpoint[]
  /** Apexes that must be served, without the final dot. */
  readonly zones: () => readonly string[]
  /** Any tunnel whose names are published, read from its row now; undefined if there is none. */
  readonly sampleTunnel: () => SampleTunnel | undefined
  /** What other parts know to be wrong with ourselves, a sentence each: an outage of our own, a disk that is full. */
  readonly ownTroubles?: () => readonly string[]
  /** Replies over UDP that the rate limit has left out or cut so far. Our own may be among them: it counts by networks. */
  readonly limitedReplies?: () => number
  /** How long a result serves, in milliseconds. */
  readonly cacheMs: number
  /** How long one question may take, in milliseconds. */
  readonly timeoutMs?: number
  /** How long from now another process may take connections beside us and answer as it was: one that we take over from. */
  readonly besideAnotherMs?: number
}

/** Our own listeners answer in a millisecond; a process that needs longer than this is not well. */
const DEFAULT_TIMEOUT_MS = 2000

/** How many samples may change under our eyes before a disagreement is believed. */
const SAMPLE_ATTEMPTS = 3

/** How soon it is asked again whether a wrong answer was another process's. */
const AGAIN_MS = 250

const TRANSPORTS: readonly Transport[] = ['udp', 'tcp']

interface Expectation {
  readonly name: string
  readonly type: AskedType
  /** The one answer; undefined if any will do. */
  readonly answer?: string
}

/**
 * Asks our own listeners as a resolver would, from outside and through another codec: that the process runs says
 * nothing about whether it answers.
 */
export class SelfCheck {
  readonly #options: SelfCheckOptions
  /** From then on every answer is ours. */
  readonly #aloneFrom: number
  #latest: { readonly health: Health; readonly at: number } | undefined
  #running: Promise<Health> | undefined

  constructor(options: SelfCheckOptions) {
    this.#options = options
    this.#aloneFrom = performance.now() + (options.besideAnotherMs ?? 0)
  }

  /** The health now, or that of a few seconds ago. Calls at the same time share one run. Never rejects. */
  check(): Promise<Health> {
    const { health, at } = this.#latest ?? { health: undefined, at: 0 }
    if (health !== undefined && performance.now() - at < this.#options.cacheMs) return Promise.resolve(health)
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(): Promise<Health> {
    const reasons = await this.#reasons().catch(error => [...this.#ownTroubles(), messageOf(error)])
    const health: Health = reasons.length === 0 ? { kind: 'healthy' } : { kind: 'unhealthy', reasons }
    this.#latest = { health, at: performance.now() }
    return health
  }

  async #reasons(): Promise<readonly string[]> {
    if (this.#options.listeners().length === 0)
      return ['the nameserver listens on no address', ...this.#ownTroubles()]
    const zones = this.#options.zones().map((name): Expectation => ({ name, type: 'SOA' }))
    for (;;) {
      const isAlone = performance.now() >= this.#aloneFrom
      const found = (await Promise.all([this.#askAll(zones), this.#sampleReasons()])).flat()
      if (found.length === 0 || isAlone) return [...this.#ownTroubles(), ...found]
      await sleep(AGAIN_MS, undefined, { ref: false })
    }
  }

  #ownTroubles(): readonly string[] {
    try {
      return this.#options.ownTroubles?.() ?? []
    } catch (error) {
      return [messageOf(error)] // they are read from the table, too
    }
  }

  /** A tunnel may go, or move, while it is asked for: then its new answer is right, and another sample is taken. */
  async #sampleReasons(): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt++) {
      const sample = this.#options.sampleTunnel()
      if (sample === undefined) return []
      const reasons = await this.#askAll([
        { name: sample.name, type: 'AAAA', answer: canonicalAddress(sample.ipv6Client) },
        { name: sample.reverseName, type: 'PTR', answer: canonicalName(sample.name) },
      ])
      if (reasons.length === 0 || attempt === SAMPLE_ATTEMPTS) return reasons
      if (isSame(sample, this.#options.sampleTunnel())) return reasons
    }
  }

  async #askAll(expectations: readonly Expectation[]): Promise<readonly string[]> {
    const timeout = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const asked = this.#options.listeners().flatMap(listener =>
      TRANSPORTS.flatMap(transport =>
        expectations.map(({ name, type, answer }) => {
          const server = { address: reachable(listener.address), port: listener.port }
          return this.#reasonFor({ server, transport, name, type, timeout }, answer)
        }),
      ),
    )
    return (await Promise.all(asked)).filter(reason => reason !== undefined)
  }

  /** What is wrong with the answer to one question, or undefined. What the rate limit kept back over UDP is asked over TCP. */
  async #reasonFor(question: Ask, expected: string | undefined): Promise<string | undefined> {
    const { transport, server, type, name } = question
    const what = `${transport} ${formatEndpoint(server)}: ${type} ${name}:`
    const limited = this.#options.limitedReplies?.() ?? 0
    const isKeptBack = () => transport === 'udp' && (this.#options.limitedReplies?.() ?? 0) > limited
    try {
      const reply = await ask(question)
      // To such a small question this is the rate limit: ask over TCP.
      const wrong = transport === 'udp' && reply.isTruncated ? undefined : mistakeIn(reply, expected)
      return wrong === undefined ? undefined : `${what} ${wrong}`
    } catch (error) {
      return isKeptBack() ? undefined : `${what} ${messageOf(error)}`
    }
  }
}

function mistakeIn(reply: AskReply, expected: string | undefined): string | undefined {
  if (reply.rcode !== RCODE.NOERROR) return `rcode ${rcodeText(reply.rcode)}`
  if (!reply.isAuthoritative) return 'the answer is not authoritative'
  const found = reply.answers.join(', ') || 'nothing'
  if (reply.answers.length !== 1) return `one record expected, ${found} found`
  return expected === undefined || found === expected ? undefined : `${expected} expected, ${found} found`
}

/** Where a wildcard address can be asked. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return canonicalAddress(address) === '::' ? '::1' : address
}

function canonicalAddress(address: string): string {
  const octets = parseIpv6(address)
  return octets === undefined ? address : formatIpv6(octets)
}

function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function isSame(a: SampleTunnel, b: SampleTunnel | undefined): boolean {
  return (
    b !== undefined && a.name === b.name && a.ipv6Client === b.ipv6Client && a.reverseName === b.reverseName
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
