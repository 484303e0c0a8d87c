import { setTimeout as sleep } from 'node:timers/promises'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { reverseName } from '../../src/address/reverse-name.ts'
import { type Answer, ask } from '../ask.ts'
import type { Dice } from '../peers/random/dice.ts'
import type { Findings } from './findings.ts'
import type { Entry, Ledger } from './ledger.ts'
import { ORIGIN, REVERSE, type TriedBroker } from './tried-broker.ts'

const PAUSE_MS = 30
const SERIAL_BITS = 32
const PATIENCE_MS = 1000

/** Resolvers that ask all the time, and hold each answer against the ledger. */
export class Askers {
  readonly #broker: TriedBroker
  readonly #ledger: Ledger
  readonly #findings: Findings
  readonly #dice: Dice
  readonly #serials = new Map<string, number>()

  constructor(parts: {
    readonly broker: TriedBroker
    readonly ledger: Ledger
    readonly findings: Findings
    readonly dice: Dice
  }) {
    this.#broker = parts.broker
    this.#ledger = parts.ledger
    this.#findings = parts.findings
    this.#dice = parts.dice
  }

  /** One who asks for names until the signal, over UDP or TCP. */
  async names(tcp: boolean, signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await sleep(PAUSE_MS)) {
      const known = this.#ledger.entries
      if (known.length > 0) await this.askFor(this.#dice.pick(known), tcp)
    }
  }

  /** One who asks for the serials of both zones until the signal, one after the other. */
  async serials(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await sleep(PAUSE_MS))
      for (const apex of [ORIGIN, REVERSE]) await this.#serial(apex, this.#dice.chance(0.3))
  }

  /** Asks for a name in both directions. An answer that can't be true by the ledger is written down. */
  async askFor(entry: Entry, tcp: boolean): Promise<void> {
    const { version, standing, tunnel } = entry
    const answer = await this.#ask(entry.name, 'AAAA', tcp)
    if (answer !== undefined && entry.version === version) this.#judge(entry, answer)
    if (standing !== 'there' || tunnel === undefined) return
    const pointer = await this.#ask(reverseName(octetsOf(tunnel.ipv6)), 'PTR', tcp)
    if (pointer === undefined || entry.version !== version || entry.isNew) return
    const [record] = pointer.reply.answers ?? []
    if (record?.type !== 'PTR' || record.data !== entry.name)
      this.#findings.add(`${tunnel.ipv6} is ${entry.name}, and the DNS says ${said(pointer)}`)
  }

  #judge(entry: Entry, answer: Answer): void {
    const [record] = answer.reply.answers ?? []
    const address = record?.type === 'AAAA' ? record.data : undefined
    if (address !== undefined) entry.isNew = false // it is published now, and stays so
    if (this.#isRight(entry, answer.rcode, address)) return
    this.#findings.add(`${entry.name} is ${entry.standing}, and the DNS says ${said(answer)}`)
  }

  #isRight({ standing, tunnel, isNew }: Entry, rcode: string, address: string | undefined): boolean {
    const isUnknown = rcode === 'NXDOMAIN' && address === undefined
    switch (standing) {
      case 'there':
        return (isNew && isUnknown) || (rcode === 'NOERROR' && address === tunnel?.ipv6)
      case 'gone':
      case 'denied':
        return isUnknown
      default:
        return isUnknown || (rcode === 'NOERROR' && (tunnel === undefined || address === tunnel.ipv6))
    }
  }

  async #serial(apex: string, tcp: boolean): Promise<void> {
    const answer = await this.#ask(apex, 'SOA', tcp)
    if (answer === undefined) return
    const [record] = answer.reply.answers ?? []
    if (record?.type !== 'SOA') return this.#findings.add(`${apex} has no SOA: ${said(answer)}`)
    const serial = record.data.serial ?? 0
    const before = this.#serials.get(apex) ?? serial
    if (isBehind(serial, before))
      this.#findings.add(`the serial of ${apex} went from ${before} back to ${serial}`)
    this.#serials.set(apex, serial)
  }

  async #ask(name: string, type: 'AAAA' | 'PTR' | 'SOA', tcp: boolean): Promise<Answer | undefined> {
    const answer = await ask(this.#broker.dns, name, type, { tcp, timeout: PATIENCE_MS }).catch(
      () => undefined,
    )
    this.#findings.count(`${tcp ? 'TCP' : 'UDP'} queries ${answer === undefined ? 'unanswered' : 'answered'}`)
    return answer
  }
}

/** RFC 1982 3.2 */
function isBehind(serial: number, other: number): boolean {
  return serial !== other && (serial - other) >>> 0 >= 2 ** (SERIAL_BITS - 1)
}

function said({ rcode, reply }: Answer): string {
  return `${rcode} ${JSON.stringify(reply.answers)}`
}

function octetsOf(ipv6: string): Uint8Array {
  const octets = parseIpv6(ipv6)
  if (octets === undefined) throw new Error(`the broker gave out ${ipv6}, which is no address`)
  return octets
}
