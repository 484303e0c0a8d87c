/** A TCP listener for a test, and clients that keep what they get. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import type { Converse } from '../../src/engine/conversation.ts'
import { TCP_LIMITS, type TcpLimits, TcpListener } from '../../src/listen/tcp/tcp-listener.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { until } from '../until.ts'
import { echo } from './fake-respond.ts'

export const LOOPBACK: Endpoint = { address: '127.0.0.1', port: 0 }
export const SHORT_TIMES = { idle: 150, message: 150, drain: 150, turn: 150, linger: 150 }

interface Setting {
  readonly respond?: Converse
  readonly limits?: Partial<TcpLimits>
}

export async function withListener(
  setting: Setting,
  use: (listener: TcpListener) => Promise<void>,
): Promise<void> {
  const limits = { ...TCP_LIMITS, ...setting.limits }
  const listener = await TcpListener.listen(LOOPBACK, setting.respond ?? echo, { limits })
  try {
    await use(listener)
  } finally {
    await listener.close()
  }
}

/** A client that collects what it gets. */
export class TcpClient {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  #segments: Buffer[] = []

  constructor({ address, port }: Endpoint, { allowHalfOpen = false } = {}) {
    this.socket = connect({ host: address, port, allowHalfOpen, noDelay: true })
    this.socket.on('data', segment => this.#segments.push(segment))
    this.socket.on('error', () => {}) // RST is a way to be closed
    this.closed = new Promise(resolve => this.socket.on('close', resolve))
  }

  get received(): Buffer {
    const received = Buffer.concat(this.#segments)
    this.#segments = [received]
    return received
  }

  get replies(): Buffer[] {
    const { received } = this
    const replies: Buffer[] = []
    let at = 0
    while (at + 2 <= received.length) {
      const end = at + 2 + received.readUInt16BE(at)
      if (end > received.length) break
      replies.push(received.subarray(at + 2, end))
      at = end
    }
    return replies
  }

  /** Waits for so many replies at least. */
  async expectSome(count: number): Promise<void> {
    await until(() => this.socket.destroyed || this.replies.length >= count)
    assert.ok(this.replies.length >= count)
  }

  async expect(count: number): Promise<Buffer[]> {
    await until(() => this.socket.destroyed || this.replies.length >= count)
    assert.equal(this.replies.length, count)
    return this.replies
  }
}

export async function untilClosed(listener: TcpListener): Promise<void> {
  await until(() => listener.openConnections === 0 && listener.counts.connections > 0)
  assert.equal(listener.openConnections, 0)
}
