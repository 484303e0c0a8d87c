import type { IncomingMessage } from 'node:http'

/** How much more of a refused body is read and thrown away, in octets and milliseconds. */
const MAX_DISCARDED = 16 * 1024 * 1024
const LINGER_MS = 2000

/**
 * Reads a request that will be refused to its end before the reply is sent. Closed with a body still on its way, the
 * kernel answers what comes with a reset, and a client that is busy sending never sees the reply (RFC 9112 9.6).
 * Resolves at the end of the body, of the connection, or of our patience.
 */
export function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve()
  return new Promise(done => {
    let discarded = 0
    const count = (chunk: Buffer) => {
      discarded += chunk.length
      if (discarded > MAX_DISCARDED) finish()
    }
    const finish = () => {
      clearTimeout(impatience)
      request.off('data', count)
      done()
    }
    const impatience = setTimeout(finish, LINGER_MS)
    request.on('data', count)
    request.once('end', finish)
    request.once('close', finish)
    request.once('error', finish)
    request.resume()
  })
}
