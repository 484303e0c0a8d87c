/** A key that was made in place of another, and that nobody is known to have seen or used yet. */
export interface UnseenKey {
  /** Of the key before, if that was shown for the new one: it opens the tunnel until then. */
  readonly formerHash: Uint8Array | undefined
  /** By when it has been seen or nobody has it, in seconds of the steady clock. */
  readonly until: number
}

/** What opens a tunnel beside its key, read. */
export interface ProofReader {
  /** What is stored of a tunnel's key; undefined: there is no such row. */
  keyHash(id: string): Uint8Array | undefined
  /** Undefined: the tunnel's key was seen, as far as is known. */
  unseenKey(id: string): UnseenKey | undefined
  /** Whether there is any, old ones too. */
  hasUnseenKeys(): boolean
  /** The tunnel that a mailed link is for; one that has made a key works until that was seen. `now`: of the steady clock. */
  linkedTunnel(tokenHash: Uint8Array, now: number): string | undefined
  /** Whether the tunnel has its endpoint from another in exchange, and has not been heard there: to come from it proves nothing. */
  isEndpointGiven(id: string): boolean
  /** All tunnels of which that is so. */
  idsWithGivenEndpoint(): readonly string[]
}

/** How a new key is made. */
export interface NewKey {
  readonly keyHash: Uint8Array
  /** Seconds of the steady clock: now, and by when it has been seen or nobody has it. */
  readonly now: number
  readonly until: number
  /** What was shown for it and opens the tunnel until it was seen: the key before or a session of it, or a mailed link. */
  readonly shown?: 'key' | { readonly linkHash: Uint8Array }
}
