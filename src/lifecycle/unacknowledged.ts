import type { TunnelReader } from '../store/tunnel-store.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { TunnelRequest } from './registration.ts'

/** Seconds in which a visitor whose registration was broken off asks again: for as long as replies are kept. */
const WINDOW = 600

/** What a registration asks for, and what must be the same when it comes again. */
export type AskedAgain = Pick<TunnelRequest, 'ipv4' | 'nicname' | 'country' | 'os'> & {
  readonly publicKey: string | undefined
}

/**
 * Tunnels that were registered just before this process began, and have not been heard: the process before may have been
 * killed between the commit and its reply, and what it kept of replies is gone with it. Then nobody has the key.
 */
export class Unacknowledged {
  readonly #table: Pick<TunnelReader, 'byName'>
  readonly #now: () => number
  readonly #begun: number

  /** `now`: UTC seconds. */
  constructor({ table, now }: { readonly table: Pick<TunnelReader, 'byName'>; readonly now: () => number }) {
    this.#table = table
    this.#now = now
    this.#begun = now()
  }

  /** The tunnel that these very words have asked for. */
  of(asked: AskedAgain): Tunnel | undefined {
    if (this.#now() - this.#begun > WINDOW) return undefined
    const tunnel = this.#table.byName(asked.nicname, asked.country)
    return tunnel !== undefined && this.#isOpen(tunnel) && isSame(tunnel, asked) ? tunnel : undefined
  }

  #isOpen({ creationTime, unreachable, waitUntil }: Tunnel): boolean {
    const isUnheard = unreachable === NEW || waitUntil !== undefined
    return isUnheard && creationTime < this.#begun && this.#now() - creationTime <= WINDOW
  }
}

function isSame(tunnel: Tunnel, { ipv4, os, publicKey }: AskedAgain): boolean {
  if (tunnel.os !== os || tunnel.kind.publicKey !== publicKey) return false
  return publicKey !== undefined || tunnel.ipv4Client === ipv4
}
