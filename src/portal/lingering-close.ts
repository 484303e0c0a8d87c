import type { IncomingMessage } from 'node:http'

/** How much more of a refused body is thrown away, in octets and milliseconds, before the connection is cut. */
const MAX_DISCARDED = 16 * 1024 * 1024
const LINGER_MS = 2000

/**
 * Closes the connection politely after the reply to a request that was not read to its end: our side first, then all
 * of it when the client has stopped sending. Closed at once, the kernel answers what still comes with a reset, and a
 * client that is busy sending never sees the reply (RFC 9112 9.6).
 */
export function lingerAfterReply(request: IncomingMessage): void {
  const { socket } = request
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, 'destroySoon') // the socket's own method is back
    if (request.complete) {
      socket.destroySoon()
      return
    }
    socket.end()
    const impatience = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(impatience))
    let discarded = 0
    request.on('error', () => socket.destroy())
    request.on('end', () => socket.destroy())
    request.on('data', (chunk: Buffer) => {
      discarded += chunk.length
      if (discarded > MAX_DISCARDED) socket.destroy()
    })
  }
}
