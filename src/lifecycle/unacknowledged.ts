import type { TunnelReader } from '../store/tunnel-reader.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { KeyProofs } from './key-proofs.ts'
import type { TunnelRequest } from './registration.ts'

/** Seconds in which a visitor whose registration was broken off asks again: for as long as replies are kept. */
const WINDOW = 600

/** What a registration asks for, and what must be the same when it comes again. */
export type AskedAgain = Pick<TunnelRequest, 'ipv4' | 'nicname' | 'country' | 'os'> & {
  readonly publicKey: string | undefined
}

/**
 * Tunnels that were registered just before this process began, or came back with a new key, and have not been heard: the
 * process before may have been killed between the commit and its reply, and what it kept of replies is gone with it. Then
 * nobody has the key.
 */
export class Unacknowledged {
  readonly #table: Pick<TunnelReader, 'byName' | 'proofs'>
  readonly #proofs: Pick<KeyProofs, 'isLeftUnseen'>
  readonly #steady: () => number
  /** By the wall clock, which creation times are of. */
  readonly #begun: number
  readonly #end: number

  /** `now`: UTC seconds; `steady`: seconds of the steady clock, by which the window closes whatever the other is set to. */
  constructor({
    table,
    proofs,
    now,
    steady,
  }: {
    readonly table: Pick<TunnelReader, 'byName' | 'proofs'>
    readonly proofs: Pick<KeyProofs, 'isLeftUnseen'>
    readonly now: () => number
    readonly steady: () => number
  }) {
    this.#table = table
    this.#proofs = proofs
    this.#steady = steady
    this.#begun = now()
    this.#end = steady() + WINDOW
  }

  /** The tunnel that these very words have asked for. */
  of(asked: AskedAgain): Tunnel | undefined {
    if (this.#steady() > this.#end) return undefined
    const tunnel = this.#table.byName(asked.nicname, asked.country)
    return tunnel !== undefined && this.#isOpen(tunnel) && isSame(tunnel, asked) ? tunnel : undefined
  }

  #isOpen({ id, creationTime, unreachable, waitUntil }: Tunnel): boolean {
    if (this.#table.proofs.isEndpointGiven(id)) return false
    const isUnheard = unreachable === NEW || waitUntil !== undefined
    if (isUnheard && this.#proofs.isLeftUnseen(id)) return true
    return isUnheard && creationTime < this.#begun && this.#begun - creationTime <= WINDOW
  }
}

function isSame(tunnel: Tunnel, { ipv4, os, publicKey }: AskedAgain): boolean {
  if (tunnel.os !== os || tunnel.kind.publicKey !== publicKey) return false
  return publicKey !== undefined || tunnel.ipv4Client === ipv4
}
