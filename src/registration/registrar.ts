import type { ShownForKey } from '../lifecycle/key-proofs.ts'
import type { KeyRenewal } from '../lifecycle/key-renewal.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from '../lifecycle/refusal.ts'
import type { TunnelRequest } from '../lifecycle/registration.ts'
import type { Log } from '../shared/log.ts'
import type { Problem } from '../shared/problem.ts'
import type { ContactReading, ContactWish, WayName } from '../tunnel/contact.ts'
import type { DormantTunnel, Tunnel, UnofferedRow } from '../tunnel/tunnel.ts'
import type { Admission, AdmissionVerdict, RegistrationInput } from './admission.ts'
import { lowerCaseAscii } from './ascii.ts'
import type { VisitorLimits } from './limits.ts'
import { unkept } from './unkept.ts'
import type { VisitorAddress } from './visitor.ts'

const NOTHING_WISHED: ContactReading = { problems: [], contact: undefined, asking: [] }

export interface Registered {
  readonly kind: 'registered'
  readonly tunnel: Tunnel
  readonly key: string
  /** What the visitor should know of its endpoint although it was admitted. */
  readonly warnings: readonly Problem[]
}

/** Reads where owners want to be told; of a tunnel that is not new beside what it has. */
export interface ContactReader {
  read(wish: ContactWish, tunnelId?: string): ContactReading
}

/** `warnings`: the ways that are kept and where nobody could be asked. */
export type ContactKept = { readonly kind: 'kept'; readonly warnings: readonly Problem[] } | Refusal

/** The ways by which is asked, and what keeps the others from it. */
interface Asking {
  readonly ways: readonly WayName[]
  readonly unasked: readonly Problem[]
}

/**
 * The draft's server steps 1–4, the same for every door: limits, checks, then one transaction. A refusal has every
 * problem together; a registration that is refused costs no quota.
 */
export class Registrar {
  readonly #admission: Admission
  readonly #lifecycle: Lifecycle
  readonly #limits: VisitorLimits
  readonly #contacts: ContactReader
  readonly #log: Log

  constructor(options: {
    readonly admission: Admission
    readonly lifecycle: Lifecycle
    readonly limits: VisitorLimits
    readonly contacts: ContactReader
    readonly log: Log
  }) {
    this.#admission = options.admission
    this.#lifecycle = options.lifecycle
    this.#limits = options.limits
    this.#contacts = options.contacts
    this.#log = options.log
  }

  async register(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered | Refusal> {
    const tooMany = this.#limits.takeRefusal(visitor) ?? this.#limits.takeRegistration(visitor)
    if (tooMany !== undefined) return refused(tooMany)
    const outcome = await this.#registerAnyhow(input, visitor)
    if (outcome.kind === 'refused') this.#limits.giveRegistrationBack(visitor)
    return outcome
  }

  async #registerAnyhow(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered | Refusal> {
    const own = this.#dormantOf(input, visitor)
    if (own !== undefined) return this.#admitAndComeBack(own, input, visitor)
    const unacknowledged = this.#unacknowledgedOf(input, visitor)
    if (unacknowledged !== undefined) return this.#acknowledge(unacknowledged, input, visitor)
    return this.#admitAndRegister(input, visitor)
  }

  async #admitAndRegister(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered | Refusal> {
    const { problems, ...reading } = this.#read(input.contact)
    const verdict = await this.#checkGuessing(input, visitor)
    if (verdict.kind === 'refused') return refused(...verdict.problems, ...problems)
    if (problems.length > 0) return refused(...problems)
    this.#limits.giveRefusalBack(visitor)
    const { request } = verdict
    const { contact } = reading
    const { ways: asking, unasked } = this.#mayAsk(reading, visitor)
    const registration = await this.#lifecycle.register(
      contact === undefined ? request : { ...request, contact, asking },
    )
    if (registration.kind === 'refused') return registration
    const { tunnel, key } = registration
    this.#logUnasked(tunnel, unasked, visitor)
    return { kind: 'registered', tunnel, key, warnings: [...verdict.warnings, ...unasked] }
  }

  /** Invitations can't be tried out: a few wrong ones, and whoever sends them waits. */
  async #checkGuessing(
    input: RegistrationInput,
    visitor: VisitorAddress,
  ): Promise<AdmissionVerdict<TunnelRequest>> {
    const isGuess = (input.invitation ?? '') !== ''
    const tooMany = isGuess ? this.#limits.takeWrongInvitation(visitor) : undefined
    if (tooMany !== undefined) return refused(tooMany)
    const verdict = await this.#admission.check(input, visitor)
    const isWrong =
      verdict.kind === 'refused' && verdict.problems.some(({ code }) => code === 'invitation-unknown')
    if (isGuess && !isWrong) this.#limits.giveWrongInvitationBack(visitor)
    return verdict
  }

  /** The dormant tunnel that is registered again: from its own endpoint and under its own name. */
  #dormantOf(input: RegistrationInput, visitor: VisitorAddress): DormantTunnel | undefined {
    const ipv4 = input.ipv4.trim()
    if (visitor.address !== ipv4) return undefined
    const nicname = lowerCaseAscii(input.nicname.trim())
    return this.#lifecycle.dormantOf({ ipv4, nicname, country: lowerCaseAscii(input.country.trim()) })
  }

  /** A tunnel of WireGuard has no endpoint yet: its public key, which is as new as itself, is known to its owner. */
  #unacknowledgedOf(input: RegistrationInput, visitor: VisitorAddress): Tunnel | undefined {
    const ipv4 = input.ipv4.trim()
    const publicKey = publicKeyIn(input.details)
    if (publicKey === undefined && visitor.address !== ipv4) return undefined
    return this.#lifecycle.unacknowledgedOf({
      ipv4,
      nicname: lowerCaseAscii(input.nicname.trim()),
      country: lowerCaseAscii(input.country.trim()),
      os: input.os.trim(),
      publicKey,
    })
  }

  /** It is registered, and all was checked then: what its owner lacks is the key. */
  async #acknowledge(
    tunnel: Tunnel,
    input: RegistrationInput,
    visitor: VisitorAddress,
  ): Promise<Registered | Refusal> {
    const asked = this.#admission.checkReturn(tunnel, input)
    if (asked.kind === 'refused') return asked
    this.#limits.giveRefusalBack(visitor)
    const renewal = await this.#lifecycle.renewKey(tunnel.id)
    if (renewal.kind === 'refused') return renewal
    const { mtu } = asked.request
    const warnings = [
      ...(mtu === undefined ? [] : await undone(this.#lifecycle.changeMtu(tunnel.id, mtu))),
      ...(await this.#followWishes(tunnel, input, visitor)),
    ]
    return {
      kind: 'registered',
      tunnel: this.#lifecycle.current(renewal.tunnel),
      key: renewal.key,
      warnings,
    }
  }

  async #admitAndComeBack(
    dormant: DormantTunnel,
    input: RegistrationInput,
    visitor: VisitorAddress,
  ): Promise<Registered | Refusal> {
    const { id, ipv4Client = '' } = dormant
    const { problems } = this.#read(input.contact, id)
    const asked = this.#admission.checkReturn(dormant, input)
    if (asked.kind === 'refused') return refused(...asked.problems, ...problems)
    if (problems.length > 0) return refused(...problems)
    const verdict = await this.#admission.checkEndpoint(ipv4Client, visitor, id)
    if (verdict.kind === 'refused') return verdict
    // Both tunnels have the same endpoint: there is nothing to exchange with a silent holder.
    if (verdict.request.holder !== undefined) return refused(REFUSAL.endpointInUse(ipv4Client))
    this.#limits.giveRefusalBack(visitor)
    const registration = await this.#lifecycle.reregister(id, asked.request)
    if (registration.kind === 'refused') return registration
    const warnings = [...verdict.warnings, ...(await this.#followWishes(registration.tunnel, input, visitor))]
    return { ...registration, tunnel: this.#lifecycle.current(registration.tunnel), warnings }
  }

  /** Its owner has the key by now: what can't be followed is told, and nothing is refused for it. */
  async #followWishes(
    tunnel: Tunnel,
    { contact, wantsRouted = false }: RegistrationInput,
    visitor: VisitorAddress,
  ): Promise<readonly Problem[]> {
    return [
      ...(wantsRouted ? await undone(this.#lifecycle.changeRouted(tunnel.id, true)) : []),
      ...(contact === undefined ? [] : await undone(this.keepContact(tunnel, contact, { visitor }))),
    ]
  }

  /** Notes where the owner of a tunnel wants to be told, and asks there. `isReaders`: the wish of whoever reads there now. */
  async keepContact(
    { id }: Pick<Tunnel, 'id'>,
    wish: ContactWish,
    { visitor, isReaders = false }: { readonly visitor: VisitorAddress; readonly isReaders?: boolean },
  ): Promise<ContactKept> {
    const { problems, ...reading } = this.#read(wish, id)
    if (problems.length > 0) return refused(...problems)
    try {
      const { ways, unasked } = this.#mayAsk(reading, visitor)
      const mayAsk = new Set(ways)
      const isKept = await this.#lifecycle.setContact(id, () => {
        const { contact, asking } = this.#read(wish, id)
        return { contact, asking: asking.map(({ kind }) => kind).filter(kind => mayAsk.has(kind)), isReaders }
      })
      if (!isKept) return refused(REFUSAL.noTunnel())
      this.#logUnasked({ id }, unasked, visitor)
      return { kind: 'kept', warnings: unasked }
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  #read(wish: ContactWish | undefined, id?: string): ContactReading {
    return wish === undefined ? NOTHING_WISHED : this.#contacts.read(wish, id)
  }

  /** Where no question goes today the owner can have one sent later: that is no reason to refuse. */
  #mayAsk({ asking }: Pick<ContactReading, 'asking'>, visitor: VisitorAddress): Asking {
    const ways: WayName[] = []
    const unasked: Problem[] = []
    for (const { kind, target } of asking) {
      const tooMany = this.#limits.takeQuestion(visitor, target)
      if (tooMany === undefined) ways.push(kind)
      else unasked.push({ ...tooMany, field: kind })
    }
    return { ways, unasked }
  }

  #logUnasked({ id }: Pick<Tunnel, 'id'>, unasked: readonly Problem[], { address }: VisitorAddress): void {
    for (const { field: way, params } of unasked) {
      const facts = { tunnel: id, way, address, seconds: params.seconds }
      this.#log.info(facts, 'where an owner wants to be told is kept, but not asked: too many mails')
    }
  }

  /** Gives a tunnel a new key, to its owner: whoever asks must have shown to be that. */
  async renewKey(tunnel: Tunnel, shown?: ShownForKey): Promise<KeyRenewal> {
    if (tunnel.dormant?.isSuspended) return refused(REFUSAL.suspended())
    const tooMany = this.#limits.takeNewKey(tunnel.id, wayTo(shown))
    return tooMany === undefined ? this.#lifecycle.renewKey(tunnel.id, shown) : refused(tooMany)
  }

  /**
   * A suspended tunnel stays, so that its owner can't register anew in its place. One that is gone by now, by a first
   * click, is deleted.
   */
  async delete(tunnel: Tunnel | UnofferedRow): Promise<{ readonly kind: 'deleted' } | Refusal> {
    const isSuspended = 'reason' in tunnel ? tunnel.state === 'suspended' : tunnel.dormant?.isSuspended
    if (isSuspended) return refused(REFUSAL.suspended())
    const deletion = await this.#lifecycle.delete(tunnel.id)
    const isGone = deletion.kind === 'refused' && deletion.problems.every(({ code }) => code === 'not-found')
    return deletion.kind === 'refused' && !isGone ? deletion : { kind: 'deleted' }
  }
}

/** What is told of a wish beside a registration that is committed by now: that stands, whatever becomes of the wish. */
async function undone(
  wish: Promise<{ readonly kind: string; readonly warnings?: readonly Problem[] } | Refusal>,
): Promise<readonly Problem[]> {
  try {
    const outcome = await wish
    return 'problems' in outcome ? unkept(outcome.problems) : (outcome.warnings ?? [])
  } catch (error) {
    return unkept([storageProblem(error)])
  }
}

function wayTo(shown: ShownForKey): 'key' | 'link' | 'address' {
  if (shown === undefined) return 'address'
  return shown === 'key' ? 'key' : 'link'
}

function publicKeyIn(details: unknown): string | undefined {
  const value =
    typeof details === 'object' && details !== null && 'publicKey' in details ? details.publicKey : undefined
  return typeof value === 'string' ? value.trim() : undefined
}
