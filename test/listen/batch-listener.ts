import type { Respond } from '../../src/engine/respond.ts'
import { type Libc, loadLibc } from '../../src/listen/libc.ts'
import { Presence, type Slot } from '../../src/listen/threads/presence.ts'
import { BatchLoop } from '../../src/listen/udp/batch-loop.ts'
import type { UdpCounts } from '../../src/listen/udp/dgram-listener.ts'
import { type OpenSocket, openSockets } from '../../src/listen/udp/open-socket.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'

const libc = await loadLibc()

/** Why batched system calls can't be tested here; false where they can. With CI=true that is a failure. */
export const noBatches = reasonWithout(libc)

function reasonWithout(found: Libc | undefined): string | false {
  if (found !== undefined) return false
  if (process.env.CI === 'true') throw new Error('koffi can not be loaded: npm ci')
  return 'koffi can not be loaded here: batched system calls are not tested'
}

/** Of a listener whose answers come from no table. */
const NO_SLOT: Slot = { enter: () => undefined, leave: () => undefined }

/** A loop on one address, in this thread, so that any function can answer; it looks for datagrams at every turn. */
export class BatchListener {
  readonly address: Endpoint
  readonly #socket: OpenSocket
  readonly #loop: BatchLoop
  #isOpen = true

  static async listen(endpoint: Endpoint, respond: Respond, slot: Slot = NO_SLOT): Promise<BatchListener> {
    const [socket] = openSockets(theLibc(), endpoint, { count: 1, patienceMs: 250 })
    if (socket === undefined) throw new Error('one socket was asked for')
    return new BatchListener(socket, respond, slot)
  }

  constructor(socket: OpenSocket, respond: Respond, slot: Slot) {
    this.address = socket.address
    this.#socket = socket
    const presence = new Presence(slot)
    this.#loop = new BatchLoop({ libc: theLibc(), sockets: [socket], respond, presence })
    this.#turn()
  }

  get counts(): UdpCounts {
    return this.#loop.counts
  }

  async close(): Promise<void> {
    this.#isOpen = false
    theLibc().close(this.#socket.fd)
  }

  readonly #turn = (): void => {
    if (!this.#isOpen) return
    this.#loop.answerWaiting()
    setImmediate(this.#turn)
  }
}

function theLibc(): Libc {
  if (libc === undefined) throw new Error('koffi can not be loaded')
  return libc
}
