import { setTimeout as sleep } from 'node:timers/promises'
import type { Dice } from '../peers/random/dice.ts'
import type { Findings } from './findings.ts'
import { NOBODY, type Reply, type Request, send } from './http.ts'
import type { Entry, Ledger, Tunnel } from './ledger.ts'
import { ORIGIN, type TriedBroker } from './tried-broker.ts'

/** Tunnels that the walk keeps at most; above that there are more deletions than registrations. */
const CROWD = 150
const PAUSE_MS = 120
const COUNTRIES = ['ca', 'fr', 'de', 'jp'] as const
/** These say that nothing was changed (docs/errors.md): that has to be true whatever happens next. */
const NOTHING_CHANGED = /"code":"(?:storage-full|storage-fault|table-full|interface-fault|probe-fault)"/

type Held = Entry & { readonly tunnel: Tunnel }

/** People who register, move, update, look and delete all the time, and write down what they were told. */
export class Visitors {
  readonly #broker: TriedBroker
  readonly #ledger: Ledger
  readonly #findings: Findings
  readonly #dice: Dice
  #people = 0

  constructor(parts: {
    readonly broker: TriedBroker
    readonly ledger: Ledger
    readonly findings: Findings
    readonly dice: Dice
  }) {
    this.#broker = parts.broker
    this.#ledger = parts.ledger
    this.#findings = parts.findings
    this.#dice = parts.dice
  }

  /** One who does one thing after the other until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#act()
      await sleep(PAUSE_MS + this.#dice.below(PAUSE_MS))
    }
  }

  async register(): Promise<void> {
    const endpoint = this.#newEndpoint()
    const nicname = `v${this.#people}`
    const country = this.#dice.pick(COUNTRIES)
    const entry = this.#ledger.open(`${nicname}.${country}.${ORIGIN}`, endpoint)
    const body = { ipv4: endpoint, nicname, country, os: 'linux' }
    const reply = await this.#send('/api/v1/tunnels', endpoint, { method: 'POST', body })
    if (reply?.status === 201) this.#acknowledge(entry, JSON.parse(reply.body))
    else if (isDenied(reply)) entry.becomes('denied')
    this.#findings.count(`registrations ${outcomeOf(reply)}`)
    entry.isTaken = false
  }

  /** Opens a tunnel with its key. Any other tunnel than its own is wrong. */
  async look(entry: Pick<Held, 'name' | 'endpoints' | 'tunnel'>): Promise<Reply | undefined> {
    const { id, key, ipv6 } = entry.tunnel
    const reply = await this.#send(`/api/v1/tunnels/${id}`, entry.endpoints[0] ?? '', bearer(key))
    if (reply?.status === 200) {
      const { ipv6_client, ipv4_client, name } = JSON.parse(reply.body)
      const isRight = ipv6_client === ipv6 && name === entry.name && entry.endpoints.includes(ipv4_client)
      if (!isRight) this.#findings.add(`${entry.name} is shown as ${reply.body}`)
    }
    return reply
  }

  async #act(): Promise<void> {
    const entry = this.#take()
    if (entry === undefined) return this.register()
    try {
      await this.#dice.pick([this.#move, this.#update, this.#delete, this.#lookAgain]).call(this, entry)
    } finally {
      entry.isTaken = false
    }
  }

  /** One that nobody else works on; undefined in place of it where a registration is due. */
  #take(): Held | undefined {
    const free = this.#ledger.free()
    const isCrowded = this.#dice.below(CROWD) < free.length
    if (free.length === 0 || (!isCrowded && this.#dice.chance(0.6))) return undefined
    const entry = this.#dice.pick(free)
    entry.isTaken = true
    return entry
  }

  async #move(entry: Held): Promise<void> {
    const endpoint = this.#newEndpoint()
    const { id, key } = entry.tunnel
    const request = { method: 'PATCH', body: { ipv4: endpoint }, ...bearer(key) }
    const reply = await this.#send(`/api/v1/tunnels/${id}`, endpoint, request)
    this.#moved('moves', entry, endpoint, reply)
  }

  async #update(entry: Held): Promise<void> {
    const endpoint = this.#newEndpoint()
    const { id, key } = entry.tunnel
    const authorization = `Basic ${Buffer.from(`${id}:${key}`).toString('base64')}`
    const path = `/nic/update?hostname=${entry.name}&myip=${endpoint}`
    this.#moved('updates', entry, endpoint, await this.#send(path, endpoint, { headers: { authorization } }))
  }

  #moved(what: string, entry: Held, endpoint: string, reply: Reply | undefined): void {
    this.#findings.count(`${what} ${outcomeOf(reply)}`)
    if (reply?.status === 401 || reply?.status === 404) this.#findings.add(lost(entry, reply))
    if (isDenied(reply)) return
    // A move that was not answered may still be under way, and come after one that was.
    if (reply?.status !== 200) entry.isLoose = true
    entry.endpoints = entry.isLoose ? [...entry.endpoints, endpoint] : [endpoint]
  }

  async #delete(entry: Held): Promise<void> {
    entry.becomes('unsure')
    const { id, key } = entry.tunnel
    const reply = await this.#send(`/api/v1/tunnels/${id}`, entry.endpoints[0] ?? '', {
      method: 'DELETE',
      ...bearer(key),
    })
    this.#findings.count(`deletions ${outcomeOf(reply)}`)
    if (reply?.status === 401 || reply?.status === 404) this.#findings.add(lost(entry, reply))
    if (reply?.status === 204) entry.becomes('gone')
    else if (isDenied(reply)) entry.becomes('there')
  }

  async #lookAgain(entry: Held): Promise<void> {
    const reply = await this.look(entry)
    this.#findings.count(`looks ${outcomeOf(reply)}`)
    if (reply?.status === 401 || reply?.status === 404) this.#findings.add(lost(entry, reply))
  }

  #acknowledge(entry: Entry, { id, key, ipv6_client, state }: Record<string, string>): void {
    entry.tunnel = { id: id ?? '', key: key ?? '', ipv6: ipv6_client ?? '' }
    entry.isNew = state === 'new'
    entry.becomes('there')
  }

  #newEndpoint(): string {
    const person = ++this.#people
    return `11.${person >> 16}.${(person >> 8) & 255}.${person & 255 || 1}`
  }

  #send(path: string, from: string, request: Request): Promise<Reply | undefined> {
    const headers = { ...request.headers, 'x-forwarded-for': from }
    return send(`${this.#broker.web}${path}`, { ...request, headers })
  }
}

function bearer(key: string): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { authorization: `Bearer ${key}` } }
}

/** Never asked, or refused with the word that nothing was changed. */
function isDenied(reply: Reply | undefined): boolean {
  return (
    reply === NOBODY ||
    (reply !== undefined && ((reply.status >= 400 && reply.status < 500) || NOTHING_CHANGED.test(reply.body)))
  )
}

function outcomeOf(reply: Reply | undefined): string {
  return reply === undefined ? 'unanswered' : String(reply.status)
}

function lost(entry: Entry, reply: Reply): string {
  return `${entry.name} was acknowledged, and its key gets ${reply.status} ${reply.body.slice(0, 200)}`
}
