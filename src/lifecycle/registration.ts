import type { Log } from '../shared/log.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction, Written } from '../store/tunnel-transaction.ts'
import type { Assignment } from '../tunnel/address-pool.ts'
import type { Contact, WayName } from '../tunnel/contact.ts'
import { stateOfInvitation } from '../tunnel/invitation.ts'
import { type KindFields, NEW, type Tunnel } from '../tunnel/tunnel.ts'
import { hashKey, newId, newKey } from '../tunnel/tunnel-key.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

/** What a registration asks for, checked by admission: canonical address, lower-case labels, a known system. */
export interface TunnelRequest {
  readonly kind: KindFields
  /** Undefined for kinds without an endpoint. */
  readonly ipv4: string | undefined
  readonly nicname: string
  readonly country: string
  readonly os: string
  /** Whether a prefix is to be routed to the tunnel, for the network behind it. */
  readonly wantsRouted?: boolean
  /** Undefined: that of the kind. */
  readonly mtu?: number | undefined
  /** Where its owner is told of it, and the ways by which it is asked whether that is wanted. */
  readonly contact?: Contact
  readonly asking?: readonly WayName[]
  /** The id of the invitation that it uses up one use of; undefined: none is asked for. */
  readonly invitation?: string
}

export type Registration =
  | { readonly kind: 'registered'; readonly tunnel: Tunnel; readonly key: string }
  | Refusal

/** The draft's server steps 2–4: a free interface and a free address pair, and the row. */
export class Registrations {
  readonly #store: TunnelStore
  readonly #log: Log
  readonly #maxTunnels: number
  readonly #now: () => number
  readonly #steady: () => number
  readonly #onRegistered: () => void
  #count: number

  constructor(options: {
    readonly store: TunnelStore
    readonly log: Log
    readonly maxTunnels: number
    /** UTC seconds. */
    readonly now: () => number
    /** Seconds of the steady clock. */
    readonly steady: () => number
    /** Called after each commit of a registration. */
    readonly onRegistered: () => void
  }) {
    this.#store = options.store
    this.#log = options.log
    this.#maxTunnels = options.maxTunnels
    this.#now = options.now
    this.#steady = options.steady
    this.#onRegistered = options.onRegistered
    this.#count = this.#store.tunnels.count()
  }

  /**
   * Registers in one transaction with whatever else comes in at the time. It does not wait for the disk: the names' commit
   * follows, or the store is to be settled before anybody is told. Two registrations can never get the same
   * endpoint, name, device or addresses: the schema forbids it.
   */
  async register(request: TunnelRequest): Promise<Registration> {
    try {
      return await this.#store.commit(transaction => this.insertNew(transaction, request), {
        mayWait: true,
        isFollowed: true,
      })
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  /** The work of one registration, for a transaction that may hold many. */
  insertNew(transaction: TunnelTransaction, request: TunnelRequest): Written<Registration> {
    if (this.#count >= this.#maxTunnels) return unwritten(REFUSAL.poolFull())
    const spent = this.#spentInvitation(transaction, request)
    if (spent !== undefined) return unwritten(spent)
    const key = newKey()
    const make = (assignment: Assignment) => this.#newTunnel(request, assignment)
    const options = { keyHash: hashKey(key), wantsRouted: request.wantsRouted ?? false }
    const insertion = transaction.insert(this.#steady(), make, options)
    if (insertion.kind === 'full') return unwritten(REFUSAL.poolFull())
    if (insertion.kind === 'routed-full') return unwritten(REFUSAL.routedPrefixesFull())
    if (insertion.kind === 'taken') return unwritten(...conflicts(transaction.tunnels, request))
    if (request.contact !== undefined) {
      transaction.setContact(insertion.tunnel.id, request.contact)
      for (const way of request.asking ?? []) transaction.ask(insertion.tunnel.id, 'confirm', way)
    }
    if (request.invitation !== undefined) transaction.invitations.use(request.invitation)
    this.#count++
    return {
      outcome: { kind: 'registered', tunnel: insertion.tunnel, key },
      changes: [],
      committed: () => this.#registered(insertion.tunnel, request.invitation),
      undone: () => void this.#count--,
    }
  }

  /** Admission has looked, but others may have come in between; only what registers uses one up. */
  #spentInvitation(transaction: TunnelTransaction, { invitation: id }: TunnelRequest): Problem | undefined {
    if (id === undefined) return undefined
    const invitation = transaction.invitations.byId(id)
    if (invitation === undefined) return problem('invitation-unknown', { case: 'unknown' })
    const state = stateOfInvitation(invitation, this.#now())
    return state === 'open' ? undefined : problem(`invitation-${state}`, {})
  }

  /** Counts afresh: another program has edited rows. Addresses that it gave out show when they are tried. */
  recount(): void {
    this.#count = this.#store.tunnels.count()
  }

  /** Takes a row that has come back into the count. */
  countWoken(): void {
    this.#count++
  }

  /** Takes `rows` removed rows off the count. */
  countRemoved(rows: number): void {
    this.#count -= rows
  }

  #registered({ id, nicname, country, device }: Tunnel, invitation: string | undefined): void {
    const invited = invitation === undefined ? {} : { invitation }
    this.#log.info({ tunnel: id, name: `${nicname}.${country}`, device, ...invited }, 'tunnel registered')
    this.#onRegistered()
  }

  #newTunnel(request: TunnelRequest, assignment: Assignment): Tunnel {
    return {
      id: newId(),
      kind: request.kind,
      ipv4Client: request.ipv4,
      ...assignment,
      nicname: request.nicname,
      country: request.country,
      os: request.os,
      mtu: request.mtu,
      creationTime: this.#now(),
      unreachable: NEW,
      waitUntil: undefined,
      stateSince: this.#now(),
    }
  }
}

function unwritten(...problems: readonly Problem[]): Written<Registration> {
  return { outcome: refused(...problems), changes: [] }
}

function conflicts(tunnels: TunnelReader, request: TunnelRequest): readonly Problem[] {
  const { ipv4, nicname, country } = request
  const { publicKey } = request.kind
  const problems: Problem[] = []
  if (publicKey !== undefined && tunnels.idByPublicKey(publicKey) !== undefined)
    problems.push(REFUSAL.publicKeyInUse())
  if (ipv4 !== undefined && tunnels.idByEndpoint(ipv4) !== undefined)
    problems.push(REFUSAL.endpointInUse(ipv4))
  if (tunnels.idByName(nicname, country) !== undefined) problems.push(REFUSAL.nicnameTaken(nicname, country))
  return problems
}
