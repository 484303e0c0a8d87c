import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { EndpointChange } from '../lifecycle/moves.ts'
import { type Refusal, refused } from '../lifecycle/refusal.ts'
import { type Problem, problem } from '../shared/problem.ts'
import { Turns } from '../shared/turns.ts'
import { isMtu } from '../tunnel/mtu.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Admission, AdmissionVerdict } from './admission.ts'
import type { VisitorLimits } from './limits.ts'
import type { VisitorAddress } from './visitor.ts'

export interface Moved {
  readonly kind: 'moved'
  readonly tunnel: Tunnel
  readonly warnings: readonly Problem[]
}

/** Who wants a tunnel moved, and whether the key that opened it is still the tunnel's. */
interface Mover {
  readonly visitor: VisitorAddress
  readonly hasSameKey: () => boolean
}

/** What is asked for of a tunnel. */
interface Wished {
  readonly endpoint?: string
  readonly routed?: boolean
  readonly mtu?: unknown
}

const KEY_IS_VOID = problem('unauthorized', { case: 'wrong-key' })

/**
 * What an owner changes of a tunnel, whose key was shown: the endpoint, the public key, the routed prefix, the MTU. Each
 * has the checks of a registration, and a limit of its own.
 */
export class OwnerChanges {
  readonly #admission: Admission
  readonly #lifecycle: Lifecycle
  readonly #limits: VisitorLimits
  /** By tunnel: what an owner wants last must be done last. */
  readonly #moves = new Turns()

  constructor(options: {
    readonly admission: Admission
    readonly lifecycle: Lifecycle
    readonly limits: VisitorLimits
  }) {
    this.#admission = options.admission
    this.#lifecycle = options.lifecycle
    this.#limits = options.limits
  }

  /** Brings a dormant tunnel back because its owner has come by; one that can't come back stays as it is. */
  async wake(tunnel: Tunnel): Promise<Tunnel> {
    return (await this.visit(tunnel)).tunnel
  }

  /** The same, and why it could not come back. That it is suspended says its state. */
  async visit(tunnel: Tunnel): Promise<Moved> {
    const unmoved = { kind: 'moved', tunnel, warnings: [] } as const
    if (tunnel.dormant === undefined || tunnel.dormant.isSuspended) return unmoved
    const awakened = await this.#lifecycle.wake(tunnel.id)
    return awakened.kind === 'refused'
      ? { ...unmoved, warnings: awakened.problems }
      : { ...unmoved, tunnel: awakened.tunnel }
  }

  /**
   * What can be seen to be wrong with a change before anything is done, or anybody is asked, for it. `endpoint` is an IPv4
   * address or a public key, as typed.
   */
  problemsOf(
    tunnel: Tunnel,
    { endpoint, routed = false, mtu }: Wished,
    visitor: VisitorAddress,
  ): readonly Problem[] {
    return [
      ...(endpoint === undefined ? [] : this.#endpointProblems(tunnel, endpoint.trim(), visitor)),
      this.#admission.checkRouted(routed),
      this.#admission.checkMtu(tunnel.kind.name, mtu === null ? undefined : mtu),
    ].filter(found => found !== undefined)
  }

  /** Counted as a refused move is: who has which address is not to be tried out. */
  #endpointProblems(tunnel: Tunnel, endpoint: string, visitor: VisitorAddress): readonly Problem[] {
    if (endpoint === (tunnel.kind.publicKey ?? tunnel.ipv4Client)) return []
    const tooMany = this.#limits.takeRefusal(visitor)
    if (tooMany !== undefined) return [tooMany]
    const problems =
      tunnel.kind.publicKey === undefined
        ? this.#admission.seenOfEndpoint(endpoint, visitor, tunnel.id)
        : problemsIn(this.#admission.checkKey(tunnel, endpoint))
    if (problems.length === 0) this.#limits.giveRefusalBack(visitor)
    return problems
  }

  /**
   * Moves a tunnel to another endpoint after the same checks. The one that it has is not checked again: update clients
   * send it all day. A tunnel that is known by its key roams by itself. What waits its turn, or for an echo, while the
   * owner gets a new key is not done: it was opened with the one before.
   */
  changeEndpoint(tunnel: Tunnel, ipv4: string, visitor: VisitorAddress): Promise<Moved | Refusal> {
    const mover = { visitor, hasSameKey: this.#lifecycle.proofs.sameKey(tunnel.id) }
    return this.#moves.take(tunnel.id, () =>
      this.#changeEndpoint(this.#lifecycle.current(tunnel), ipv4, mover),
    )
  }

  async #changeEndpoint(tunnel: Tunnel, ipv4: string, mover: Mover): Promise<Moved | Refusal> {
    if (!mover.hasSameKey()) return refused(KEY_IS_VOID)
    if (tunnel.kind.publicKey !== undefined) return this.#rouse(tunnel)
    if (ipv4.trim() === tunnel.ipv4Client) return this.#stay(tunnel, ipv4.trim())
    const tooMany = this.#limits.takeRefusal(mover.visitor) ?? this.#limits.takeMove(tunnel.id)
    if (tooMany !== undefined) return refused(tooMany)
    const outcome = await this.#admitAndMove(tunnel, ipv4, mover)
    if (outcome.kind === 'refused') this.#limits.giveMoveBack(tunnel.id)
    return outcome
  }

  async #rouse(tunnel: Tunnel): Promise<Moved | Refusal> {
    if (tunnel.dormant === undefined) return { kind: 'moved', tunnel, warnings: [] }
    const awakened = await this.#lifecycle.wake(tunnel.id)
    return awakened.kind === 'refused' ? awakened : { kind: 'moved', tunnel: awakened.tunnel, warnings: [] }
  }

  async #stay(tunnel: Tunnel, ipv4: string): Promise<Moved | Refusal> {
    if (tunnel.dormant === undefined) return { kind: 'moved', tunnel, warnings: [] }
    const change = await this.#lifecycle.changeEndpoint(tunnel.id, ipv4)
    return change.kind === 'refused' ? change : { kind: 'moved', tunnel: change.tunnel, warnings: [] }
  }

  async #admitAndMove(
    tunnel: Tunnel,
    ipv4: string,
    { visitor, hasSameKey }: Mover,
  ): Promise<Moved | Refusal> {
    const verdict = await this.#admission.checkEndpoint(ipv4, visitor, tunnel.id)
    if (verdict.kind === 'refused') return verdict
    this.#limits.giveRefusalBack(visitor)
    if (!hasSameKey()) return refused(KEY_IS_VOID)
    const { ipv4: wanted, holder } = verdict.request
    const change = await (holder === undefined
      ? this.#lifecycle.changeEndpoint(tunnel.id, wanted)
      : this.#lifecycle.takeEndpoint(tunnel.id, { ipv4: wanted, holder }))
    if (change.kind === 'refused') return change
    return { kind: 'moved', tunnel: change.tunnel, warnings: verdict.warnings }
  }

  /** Lets a tunnel be known by another public key, after the checks that a registration has. That which it has is no move. */
  changeKey(tunnel: Tunnel, publicKey: string, visitor: VisitorAddress): Promise<Moved | Refusal> {
    const mover = { visitor, hasSameKey: this.#lifecycle.proofs.sameKey(tunnel.id) }
    return this.#moves.take(tunnel.id, () =>
      this.#changeKey(this.#lifecycle.current(tunnel), publicKey, mover),
    )
  }

  async #changeKey(
    tunnel: Tunnel,
    publicKey: string,
    { visitor, hasSameKey }: Mover,
  ): Promise<Moved | Refusal> {
    if (!hasSameKey()) return refused(KEY_IS_VOID)
    if (publicKey.trim() === tunnel.kind.publicKey) return this.#rouse(tunnel)
    const tooMany = this.#limits.takeRefusal(visitor) ?? this.#limits.takeMove(tunnel.id)
    if (tooMany !== undefined) return refused(tooMany)
    const verdict = this.#admission.checkKey(tunnel, publicKey)
    if (verdict.kind === 'admitted') this.#limits.giveRefusalBack(visitor)
    const change =
      verdict.kind === 'refused' ? verdict : await this.#lifecycle.changeKey(tunnel.id, verdict.request)
    if (change.kind !== 'refused') return { kind: 'moved', tunnel: change.tunnel, warnings: [] }
    this.#limits.giveMoveBack(tunnel.id)
    return change
  }

  /**
   * Routes a prefix to a tunnel, or takes it back. A dormant tunnel comes back first: its owner has come by. What is given
   * back rests, so that a change counts as a move: nobody exhausts the pool by giving and taking.
   */
  async changeRouted(tunnel: Tunnel, isWanted: boolean): Promise<Moved | Refusal> {
    const notOffered = this.#admission.checkRouted(isWanted)
    if (notOffered !== undefined) return refused(notOffered)
    const mover = { hasSameKey: this.#lifecycle.proofs.sameKey(tunnel.id) }
    return this.#moves.take(tunnel.id, () =>
      this.#changeRouted(this.#lifecycle.current(tunnel), isWanted, mover),
    )
  }

  async #changeRouted(
    tunnel: Tunnel,
    isWanted: boolean,
    { hasSameKey }: Pick<Mover, 'hasSameKey'>,
  ): Promise<Moved | Refusal> {
    const awake = await this.#rouse(tunnel)
    if (awake.kind === 'refused') return awake
    if (!hasSameKey()) return refused(KEY_IS_VOID)
    const isNews = isWanted !== (awake.tunnel.routedPrefix !== undefined)
    return this.#counted(awake.tunnel, { isNews, change: id => this.#lifecycle.changeRouted(id, isWanted) })
  }

  /**
   * Lets a tunnel have a smaller MTU than its kind; undefined: that of its kind. A dormant tunnel comes back first: its
   * owner has come by. Counts as a move, unless the tunnel has it already.
   */
  async changeMtu(tunnel: Tunnel, mtu: unknown): Promise<Moved | Refusal> {
    const wrong = this.#admission.checkMtu(tunnel.kind.name, mtu)
    if (wrong !== undefined) return refused(wrong)
    const mover = { hasSameKey: this.#lifecycle.proofs.sameKey(tunnel.id) }
    const wanted = isMtu(mtu) ? mtu : undefined
    return this.#moves.take(tunnel.id, () => this.#changeMtu(this.#lifecycle.current(tunnel), wanted, mover))
  }

  async #changeMtu(
    tunnel: Tunnel,
    mtu: number | undefined,
    { hasSameKey }: Pick<Mover, 'hasSameKey'>,
  ): Promise<Moved | Refusal> {
    const awake = await this.#rouse(tunnel)
    if (awake.kind === 'refused') return awake
    if (!hasSameKey()) return refused(KEY_IS_VOID)
    const isNews = mtu !== awake.tunnel.mtu
    return this.#counted(awake.tunnel, { isNews, change: id => this.#lifecycle.changeMtu(id, mtu) })
  }

  /**
   * Counts what changes something as a move. What the tunnel has already is asked for all the same: the operator may be about
   * to change it, and what is answered must be so when it is.
   */
  async #counted(
    { id }: Tunnel,
    {
      isNews,
      change,
    }: { readonly isNews: boolean; readonly change: (id: string) => Promise<EndpointChange> },
  ): Promise<Moved | Refusal> {
    const tooMany = isNews ? this.#limits.takeMove(id) : undefined
    if (tooMany !== undefined) return refused(tooMany)
    const outcome = await change(id)
    if (isNews && outcome.kind !== 'changed') this.#limits.giveMoveBack(id)
    return outcome.kind === 'refused' ? outcome : { kind: 'moved', tunnel: outcome.tunnel, warnings: [] }
  }
}

function problemsIn(verdict: AdmissionVerdict<unknown>): readonly Problem[] {
  return verdict.kind === 'refused' ? verdict.problems : []
}
