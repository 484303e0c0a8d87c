export type Transport = 'udp' | 'tcp'

/**
 * Answers one message: reads `length` octets of `query`, writes the reply into `reply` and returns its length; 0 is
 * silence. Never throws, keeps neither buffer.
 */
export type Respond = (query: Uint8Array, length: number, reply: Uint8Array, transport: Transport) => number
