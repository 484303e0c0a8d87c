import type { Peer, PeerState } from './peer.ts'

/** Peers of dormant tunnels to take away and to make, and the devices of those that were heard. */
interface Listening {
  readonly removed: readonly string[]
  readonly made: readonly string[]
  readonly heard: ReadonlySet<string>
}

/**
 * The peers of dormant tunnels: without networks, so that nothing comes in or goes out. Their clients shake hands all the
 * same, which only who has the private key can do.
 */
export class SleepingPeers {
  /** The last handshake that is known of each, in UTC seconds (0: none), by public key. */
  readonly #handshakes = new Map<string, number>()

  get size(): number {
    return this.#handshakes.size
  }

  /** As `configuration` wants them. */
  get all(): readonly { readonly publicKey: string; readonly networks: readonly string[] }[] {
    return Array.from(this.#handshakes.keys(), publicKey => ({ publicKey, networks: [] }))
  }

  has(publicKey: string): boolean {
    return this.#handshakes.has(publicKey)
  }

  /** It is the peer of a tunnel that is up. */
  forget(publicKey: string): void {
    this.#handshakes.delete(publicKey)
  }

  /** What has to change so that these are listened for and no others, and who has shaken hands since the last call. */
  listenFor(wanted: readonly Peer[], states: ReadonlyMap<string, PeerState>): Listening {
    const keys = new Set(wanted.map(({ publicKey }) => publicKey))
    const removed = [...this.#handshakes.keys()].filter(key => !keys.has(key))
    for (const key of removed) this.#handshakes.delete(key)
    const heard = wanted.filter(({ publicKey }) => this.#hasShaken(publicKey, states.get(publicKey)))
    for (const key of keys) this.#handshakes.set(key, states.get(key)?.lastHandshake ?? 0)
    return {
      removed: removed.filter(key => states.has(key)),
      made: [...keys].filter(key => !states.has(key)),
      heard: new Set(heard.map(({ device }) => device)),
    }
  }

  #hasShaken(publicKey: string, state: PeerState | undefined): boolean {
    const last = this.#handshakes.get(publicKey)
    return last !== undefined && state !== undefined && state.lastHandshake > last
  }
}
