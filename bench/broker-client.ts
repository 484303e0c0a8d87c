import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { RunningServer } from './running-server.ts'

export interface HttpReply {
  readonly status: number
  readonly value: Readonly<Record<string, unknown>>
}

interface Target {
  readonly host: string
  readonly port: number
}

/** A client of the broker's web interface with connections that stay open. */
export class BrokerClient {
  readonly #target: Target
  readonly #agent: Agent

  private constructor(target: Target, connections: number) {
    this.#target = target
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Of the web interface of our server: DNS answers a moment before the ready line says where that is. */
  static async ofServer(server: RunningServer, connections: number): Promise<BrokerClient> {
    const [, found = ''] = await server.printed(/^ready .*web=(\S+)/m)
    const { hostname, port } = new URL(found)
    return new BrokerClient({ host: hostname, port: Number(port) }, connections)
  }

  /** Sends JSON and reads JSON. Rejects where the connection fails. */
  async send(
    method: string,
    path: string,
    { body, key }: { readonly body?: object; readonly key?: string } = {},
  ): Promise<HttpReply> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const headers: Record<string, string | number> = { 'content-length': Buffer.byteLength(payload) }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (key !== undefined) headers.authorization = `Bearer ${key}`
    const reply = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request({ ...this.#target, agent: this.#agent, method, path, headers }, resolve)
      asked.once('error', reject)
      asked.end(payload)
    })
    const value: unknown = JSON.parse((await text(reply)) || '{}')
    return { status: reply.statusCode ?? 0, value: isRecord(value) ? value : {} }
  }

  /** Asks for a page and reads it whole; returns the status. */
  async visit(path: string): Promise<number> {
    const reply = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ ...this.#target, agent: this.#agent, path }, resolve)
        .once('error', reject)
        .end()
    })
    await text(reply)
    return reply.statusCode ?? 0
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
