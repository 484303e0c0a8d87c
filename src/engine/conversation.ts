import type { Client } from './client.ts'

/**
 * An answer of several messages (RFC 5936 2.2). Each is made when it is asked for, so that no more of them lie in
 * memory than the client has taken. A conversation has its own query, reply and signature: others go on meanwhile.
 */
export interface Conversation {
  /** The last message has been made. */
  readonly isDone: boolean
  /**
   * Calls `start` once, in this turn of the event loop or later, when the first message can be made; after `close` no
   * more. Whoever asks before that has lost patience, and gets a refusal.
   */
  whenReady(start: () => void): void
  /**
   * Writes the next message into `reply`, which has room for 65,535 octets, at this time in UTC seconds; returns its
   * length. 0: the conversation has broken off, and the connection says so by its end. Never throws.
   */
  next(reply: Uint8Array, seconds: number): number
  /** Gives back all that is held; to be called once the conversation is done, broken off, or nobody listens any more. */
  close(): void
}

/** Answers one message as `Respond` does, or begins a conversation, for which nothing has been written yet. */
export type Converse = (
  query: Uint8Array,
  length: number,
  reply: Uint8Array,
  client: Client,
) => number | Conversation
