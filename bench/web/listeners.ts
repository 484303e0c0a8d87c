import { type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv4 } from '../../src/address/ipv4.ts'
import { percentile } from '../statistics.ts'

const FIRST_VISITOR = 0x0a000000 // 10.0.0.0: each listener comes from an address of its own, through a trusted proxy
const WAIT_MS = 30_000

export interface ListenedTunnel {
  readonly id: string
  readonly key: string
}

/** Browsers that have a tunnel's page open: one server-sent stream each. */
export class Listeners {
  readonly #requests: ClientRequest[] = []
  readonly #heard = new Map<string, number>()
  /** Milliseconds from the request to the first event, one of each listener. */
  readonly firstEvents: number[] = []
  events = 0

  /** Opens a stream for each tunnel and waits for the first event of each. */
  async open(url: string, tunnels: readonly ListenedTunnel[]): Promise<void> {
    for (const [at, tunnel] of tunnels.entries()) this.#listen(url, tunnel, formatIpv4(FIRST_VISITOR + at))
    const end = performance.now() + WAIT_MS
    while (this.firstEvents.length < tunnels.length) {
      if (performance.now() > end)
        throw new Error(`${this.firstEvents.length} of ${tunnels.length} listeners heard`)
      await sleep(20)
    }
  }

  get firstP99(): number {
    return percentile(this.firstEvents, 0.99)
  }

  /** Milliseconds from `change` to the next `state` event of a tunnel. */
  async timeOfState(id: string, change: () => Promise<unknown>): Promise<number> {
    this.#heard.delete(id)
    const started = performance.now()
    await change()
    while (!this.#heard.has(id)) {
      if (performance.now() - started > WAIT_MS) throw new Error(`no event of ${id}`)
      await sleep(1)
    }
    return (this.#heard.get(id) ?? 0) - started
  }

  close(): void {
    for (const open of this.#requests) open.destroy()
  }

  #listen(url: string, { id, key }: ListenedTunnel, visitor: string): void {
    const started = performance.now()
    const headers = { authorization: `Bearer ${key}`, 'x-forwarded-for': visitor }
    const asked = request(`${url}/api/v1/tunnels/${id}/events`, { headers, agent: false }, reply => {
      let isFirst = true
      reply.on('data', (chunk: Buffer) => {
        const text = chunk.toString()
        this.events += text.match(/^event:/gm)?.length ?? 0
        if (text.includes('event: state')) this.#heard.set(id, performance.now())
        if (isFirst) this.firstEvents.push(performance.now() - started)
        isFirst = false
      })
      reply.on('error', () => undefined)
    })
    asked.on('error', () => undefined) // closed by ourselves
    asked.end()
    this.#requests.push(asked)
  }
}
