import type { Endpoint } from '../shared/endpoint.ts'
import {
  type AskedType,
  type Consult,
  plainName,
  type Question,
  type Reply,
  type SeenRecord,
} from './consult.ts'

/** What the parent of a zone says of it: its nameservers by name, with the addresses that come with them. */
export interface Delegation {
  readonly kind: 'delegation'
  /** The zone that delegates; empty for the root. */
  readonly parent: string
  /** The server of the parent that was asked. */
  readonly said: Endpoint
  readonly servers: readonly string[]
  readonly glue: ReadonlyMap<string, readonly string[]>
}

export type DelegationOutcome =
  | Delegation
  | { readonly kind: 'none'; readonly parent: string; readonly said: Endpoint }
  | Unknown

/** No server of `cut` answered: nothing can be said of what is below. */
interface Unknown {
  readonly kind: 'unknown'
  readonly cut: string
  readonly reason: string
}

type Step =
  | { readonly kind: 'referral'; readonly cut: string; readonly delegation: Delegation }
  | { readonly kind: 'end'; readonly reply: Reply; readonly cut: string; readonly said: Endpoint }
  | Unknown

interface Place {
  readonly cut: string
  readonly servers: readonly Endpoint[]
}

/** Zones from the root down: no name has more labels than this and a delegation at each. */
const MOST_REFERRALS = 40
/** Servers of a zone that are tried: thirteen is what the root has. */
const MOST_SERVERS = 13
/** Names of servers that are looked up for the sake of another name of a server. */
const MOST_DETOURS = 4

/** Follows delegations from the root as a resolver does, with no memory but that of addresses of servers. */
export class Descent {
  readonly #consult: Consult
  readonly #roots: readonly Endpoint[]
  readonly #port: number
  readonly #addresses = new Map<string, readonly string[]>()
  readonly #unknown = new Map<string, Unknown>()

  /** `port` is where servers are asked whose address a record gives. */
  constructor(
    consult: Consult,
    { roots, port }: { readonly roots: readonly Endpoint[]; readonly port: number },
  ) {
    this.#consult = consult
    this.#roots = roots
    this.#port = port
  }

  /** What the servers above a zone say of it. */
  async delegationOf(zone: string): Promise<DelegationOutcome> {
    const step = await this.#walk({ name: zone, type: 'NS' }, { stopAt: zone, detours: 0 })
    switch (step.kind) {
      case 'referral':
        return step.delegation
      case 'unknown':
        return step
      case 'end':
        return delegationFrom(step, zone)
      default:
        return step satisfies never
    }
  }

  /** The addresses of a nameserver, both families; empty: it has none, or they can't be looked up. */
  async addressesOf(name: string, detours = 0): Promise<readonly string[]> {
    const known = this.#addresses.get(name)
    if (known !== undefined || detours > MOST_DETOURS) return known ?? []
    const found: string[] = []
    for (const type of ['A', 'AAAA'] as const) {
      const step = await this.#walk({ name, type }, { stopAt: undefined, detours: detours + 1 })
      if (step.kind === 'end') found.push(...textsOf(step.reply.answer, { owner: name, type }))
      if (step.kind === 'unknown') this.#unknown.set(name, step)
    }
    this.#addresses.set(name, found)
    return found
  }

  /** Why addresses of a nameserver that was looked up may be missing; undefined: there are no others. */
  whyUnknown(name: string): Omit<Unknown, 'kind'> | undefined {
    return this.#unknown.get(name)
  }

  async #walk(
    question: { readonly name: string; readonly type: AskedType },
    { stopAt, detours }: { readonly stopAt: string | undefined; readonly detours: number },
  ): Promise<Step> {
    let place: Place = { cut: '', servers: this.#roots }
    for (let count = 0; count < MOST_REFERRALS; count++) {
      const step = await this.#step(question, place)
      if (step.kind !== 'referral' || step.cut === stopAt) return step
      place = { cut: step.cut, servers: await this.#serversOf(step.delegation, detours) }
    }
    return { kind: 'unknown', cut: place.cut, reason: 'the delegations have no end' }
  }

  /** Asks the servers of a zone one after the other until one of them leads on, or ends the way. */
  async #step(question: Pick<Question, 'name' | 'type'>, { cut, servers }: Place): Promise<Step> {
    let reason = 'its servers have no addresses'
    for (const server of servers.slice(0, MOST_SERVERS)) {
      const reply = await this.#ask(server, question)
      if (reply.kind !== 'reply') {
        reason = `${server.address}: ${reply.reason}`
        continue
      }
      const delegation = referralIn(reply, { name: question.name, cut, said: server })
      if (delegation !== undefined) return { kind: 'referral', cut: delegation.below, delegation }
      if (reply.isAuthoritative && (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN'))
        return { kind: 'end', reply, cut, said: server }
      reason = `${server.address}: ${reply.rcode}${reply.isAuthoritative ? '' : ', not authoritative'}`
    }
    return { kind: 'unknown', cut, reason }
  }

  async #ask(server: Endpoint, question: Pick<Question, 'name' | 'type'>) {
    const reply = await this.#consult(server, { ...question, transport: 'udp', edns: true })
    if (reply.kind !== 'reply') return reply
    if (reply.isTruncated) return this.#consult(server, { ...question, transport: 'tcp', edns: true })
    const isStrange = reply.rcode === 'FORMERR' || reply.rcode === 'NOTIMP'
    return isStrange ? this.#consult(server, { ...question, transport: 'udp', edns: false }) : reply
  }

  async #serversOf({ servers, glue }: Delegation, detours: number): Promise<readonly Endpoint[]> {
    const found: string[] = servers.flatMap(name => glue.get(name) ?? [])
    for (const name of servers) {
      if (found.length > 0) break // one way down is enough
      found.push(...(await this.addressesOf(name, detours)))
    }
    return found.map(address => ({ address, port: this.#port }))
  }
}

/** A referral to a zone between `cut` and `name`, with the zone itself: anything else would lead up or aside. */
function referralIn(
  { rcode, isAuthoritative, authority, additional }: Reply,
  { name, cut, said }: { readonly name: string; readonly cut: string; readonly said: Endpoint },
): (Delegation & { readonly below: string }) | undefined {
  if (rcode !== 'NOERROR' || isAuthoritative) return undefined
  const below = authority.find(
    ({ type, owner }) => type === 'NS' && isBelow(owner, cut) && isAtOrBelow(name, owner),
  )
  if (below === undefined) return undefined
  const servers = textsOf(authority, { owner: below.owner, type: 'NS' })
  const glue = new Map(servers.map(server => [server, addressesIn(additional, server)]))
  return { kind: 'delegation', parent: cut, said, servers, glue, below: below.owner }
}

/** A server may serve parent and child: then it answers for the child, and the parent's own records are not seen. */
function delegationFrom(
  { reply, cut, said }: { readonly reply: Reply; readonly cut: string; readonly said: Endpoint },
  zone: string,
): DelegationOutcome {
  const servers = textsOf(reply.answer, { owner: zone, type: 'NS' })
  if (servers.length === 0) return { kind: 'none', parent: cut, said }
  const glue = new Map(servers.map(server => [server, addressesIn(reply.additional, server)]))
  return { kind: 'delegation', parent: cut, said, servers, glue }
}

function addressesIn(records: readonly SeenRecord[], owner: string): string[] {
  return [...textsOf(records, { owner, type: 'A' }), ...textsOf(records, { owner, type: 'AAAA' })]
}

/** What records of an owner and a type say, each once. */
export function textsOf(
  records: readonly SeenRecord[],
  { owner, type }: { readonly owner: string; readonly type: AskedType },
): string[] {
  const found = records.filter(record => record.owner === plainName(owner) && record.type === type)
  return [...new Set(found.map(({ text }) => text))]
}

export function isAtOrBelow(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}

function isBelow(name: string, zone: string): boolean {
  return name !== zone && isAtOrBelow(name, zone)
}
