import type { Client } from './client.ts'

/**
 * Answers one message: reads `length` octets of `query`, writes the reply into `reply` and returns its length; 0 is
 * silence. Never throws, keeps no buffer and not the client.
 */
export type Respond = (query: Uint8Array, length: number, reply: Uint8Array, client: Client) => number
