import { randomInt } from 'node:crypto'
import { rcodeOfNotify, writeNotify } from '../engine/notify.ts'
import type { RefusedTransfer } from '../engine/refused-transfer.ts'
import { SignedRequest } from '../engine/signed-request.ts'
import { type Signer, signersOf } from '../engine/signer.ts'
import type { SentTransfer } from '../engine/transfers.ts'
import type { TsigKey } from '../engine/tsig-key.ts'
import { utcSeconds } from '../shared/clock.ts'
import type { Endpoint } from '../shared/endpoint.ts'
import type { Log } from '../shared/log.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import { uint16 } from '../wire/octets.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Catalog } from '../zone/catalog.ts'
import { soaSerial } from '../zone/serial.ts'
import { Follower } from './follower.ts'
import { isRefusal, kindOf, type NotifyAnswer, outcomeOf, textOf } from './notify-answer.ts'
import { NotifySockets } from './notify-sockets.ts'
import { isAt, isFrom, nameOfSecondary, recipientsOf, type Secondary } from './secondary.ts'
import { TransferWarnings } from './transfer-warnings.ts'

/** A zone at a secondary, as the operator sees it. */
export interface SecondaryState {
  readonly secondary: string
  /** In wire form and lower case. */
  readonly apex: Uint8Array
  /** That is served. */
  readonly serial: number
  readonly acknowledged: number | undefined
  readonly transferred: number | undefined
  readonly lag: number
  readonly answer: string
  readonly unanswered: number
}

/** What happened to NOTIFYs since the start. */
export interface NotifyCounts {
  sent: number
  acknowledged: number
  refused: number
}

interface Known {
  readonly apex: Uint8Array
  secondary: Secondary
  signer: Signer | undefined
  readonly follower: Follower
  /** Id and signature of the last NOTIFY. */
  id: number
  request: SignedRequest | undefined
  /** Its last answer, as far as it was told in the log. */
  said: string
}

/** What those answer that do not have a zone: BIND and Knot DNS, NSD, and PowerDNS. */
const WITHOUT_ZONE: readonly string[] = ['NOTAUTH', 'NXDOMAIN', 'REFUSED']

/** Tells the secondaries of each change (RFC 1996), until they answer, and knows how far each of them is. */
export class Secondaries {
  readonly counts: NotifyCounts = { sent: 0, acknowledged: 0, refused: 0 }
  readonly #catalog: Pick<Catalog, 'apexes' | 'rrset'>
  #secondaries: readonly Secondary[]
  #signers: readonly Signer[]
  readonly #catalogZone: Uint8Array | undefined
  readonly #sockets: NotifySockets
  readonly #log: Log
  readonly #warnings: TransferWarnings
  /** By apex, then in the order of the secondaries. */
  readonly #known = new Map<string, readonly Known[]>()

  constructor(options: {
    readonly catalog: Pick<Catalog, 'apexes' | 'rrset'>
    readonly secondaries: readonly Secondary[]
    readonly keys: readonly TsigKey[]
    /** Address that NOTIFYs leave from; empty: the system's choice. */
    readonly source: string
    readonly log: Log
    /** Apex of the catalog zone (RFC 9432), in wire form and lower case; undefined: there is none. */
    readonly catalogZone?: Uint8Array | undefined
  }) {
    this.#catalogZone = options.catalogZone
    this.#catalog = options.catalog
    this.#secondaries = options.secondaries
    this.#signers = signersOf(options.keys)
    this.#log = options.log
    this.#warnings = new TransferWarnings(options.log)
    this.#sockets = new NotifySockets(options.source, (reply, from) => this.#take(reply, from))
  }

  /** Others than before, or with other keys: of those that stay all is kept, and new ones are told of every zone. */
  renew(options: { readonly secondaries: readonly Secondary[]; readonly keys: readonly TsigKey[] }): void {
    this.#secondaries = options.secondaries
    this.#signers = signersOf(options.keys)
    for (const [key, before] of this.#known) this.#renewZone(key, before)
    for (const apex of this.#catalog.apexes())
      for (const { follower } of this.#of(apex)) if (follower.told === undefined) follower.notify()
  }

  /** A zone has changed: all secondaries are told, once a second at most. */
  notify(apex: Uint8Array): void {
    for (const { follower } of this.#of(apex)) follower.notify()
  }

  /** Tells of a zone whether it has changed or not; returns how many secondaries there are. */
  tell(apex: Uint8Array): number {
    const known = this.#of(apex)
    for (const { follower } of known) follower.hurry()
    return known.length
  }

  /** A client has been sent a zone. */
  noteTransfer(sent: SentTransfer): void {
    const recipients = recipientsOf(this.#secondaries, sent)
    for (const { secondary, follower } of this.#of(sent.apex))
      if (recipients.includes(secondary)) follower.hasTransferred(sent.serial)
  }

  /** A client has been refused a zone, or its SOA. */
  noteRefused(refused: RefusedTransfer): void {
    this.#warnings.note(refused, { isKnown: this.#isKnown(refused) })
  }

  /** Does it come from where a secondary is, or sign with a key that there is? */
  #isKnown(refused: RefusedTransfer): boolean {
    const { keyName } = refused
    const hasKey = keyName !== undefined && this.#signers.some(({ name }) => isSameName(name, 0, keyName, 0))
    return hasKey || this.#secondaries.some(secondary => isFrom(secondary, refused))
  }

  /** Zone by zone, of all that are served. */
  states(): readonly SecondaryState[] {
    return this.#served().map(({ known, serial }) => stateOf(known, serial))
  }

  /** How many serials each secondary is behind at the least, in the zone that it is furthest behind in. */
  lags(): Readonly<Record<string, number>> {
    const lags: Record<string, number> = {}
    for (const { known, serial } of this.#served()) {
      const name = nameOfSecondary(known.secondary)
      lags[name] = Math.max(lags[name] ?? 0, this.#isForOthers(known) ? 0 : known.follower.lag(serial))
    }
    return lags
  }

  stop(): void {
    for (const known of this.#known.values()) for (const { follower } of known) follower.stop()
    this.#sockets.close()
  }

  #served(): readonly { readonly known: Known; readonly serial: number }[] {
    return this.#catalog.apexes().flatMap(apex => {
      const serial = this.#serialOf(apex)
      return serial === undefined ? [] : this.#of(apex).map(known => ({ known, serial }))
    })
  }

  #of(apex: Uint8Array): readonly Known[] {
    const key = Buffer.from(apex).toString('latin1')
    const known = this.#known.get(key) ?? this.#secondaries.map(secondary => this.#newKnown(apex, secondary))
    this.#known.set(key, known)
    return known
  }

  #renewZone(key: string, before: readonly Known[]): void {
    const [first] = before
    if (first === undefined) {
      this.#known.delete(key)
      return
    }
    const after = this.#secondaries.map(secondary => {
      const known = before.find(one => nameOfSecondary(one.secondary) === nameOfSecondary(secondary))
      if (known === undefined) return this.#newKnown(first.apex, secondary)
      return Object.assign(known, { secondary, signer: this.#signerOf(secondary) })
    })
    for (const known of before) if (!after.includes(known)) known.follower.stop()
    this.#known.set(key, after)
  }

  #signerOf({ keyName }: Secondary): Signer | undefined {
    return keyName && this.#signers.find(({ name }) => isSameName(name, 0, keyName, 0))
  }

  #newKnown(apex: Uint8Array, secondary: Secondary): Known {
    const known: Known = {
      apex,
      secondary,
      signer: this.#signerOf(secondary),
      follower: new Follower(() => this.#send(known), this.#serialOf(apex)),
      id: 0,
      request: undefined,
      said: '',
    }
    return known
  }

  /** Not every secondary can read a catalog zone: who says that it has none does not follow it, and is not behind in it. */
  #isForOthers({ apex, follower, said }: Known): boolean {
    if (this.#catalogZone === undefined || !isSameName(apex, 0, this.#catalogZone, 0)) return false
    return follower.transferred === undefined && WITHOUT_ZONE.includes(said)
  }

  #send(known: Known): number | undefined {
    const soa = this.#catalog.rrset(known.apex, TYPE.SOA)
    const rdata = soa?.rdatas[0]
    if (soa === undefined || rdata === undefined) return undefined
    known.id = randomInt(2 ** 16)
    const plain = writeNotify(known.id, soa)
    known.request = known.signer && new SignedRequest(plain, known.signer, utcSeconds())
    this.counts.sent++
    this.#sockets.send(known.request?.octets ?? plain, known.secondary.endpoint, reason => {
      known.follower.answer = reason
    })
    return soaSerial(rdata)
  }

  #take(reply: Uint8Array, from: Endpoint): void {
    for (const known of this.#addressed(reply, from)) {
      const rcode = rcodeOfNotify(reply, known.apex)
      if (rcode === undefined) continue
      const seconds = utcSeconds()
      this.#answered(known, { rcode, signature: known.request?.judge(reply, seconds), seconds })
    }
  }

  *#addressed(reply: Uint8Array, from: Endpoint): Generator<Known> {
    for (const known of this.#known.values())
      for (const one of known)
        if (one.follower.unanswered > 0 && one.id === uint16(reply, 0) && isAt(one.secondary, from)) yield one
  }

  #answered(known: Known, answer: NotifyAnswer): void {
    const { follower } = known
    const outcome = outcomeOf(answer)
    const text = textOf(answer)
    if (outcome === 'acknowledged') this.counts.acknowledged++
    else if (isRefusal(answer)) this.counts.refused++
    this.#noteAnswer(known, answer)
    if (outcome === 'unbelieved') follower.unbelieved(text)
    else follower.answered(text, { isError: outcome === 'refused' })
  }

  /** Says a refusal once, until it says something else. */
  #noteAnswer(known: Known, answer: NotifyAnswer): void {
    const kind = kindOf(answer)
    if (kind === known.said) return
    known.said = kind
    if (answer.rcode === RCODE.NOERROR) return
    const facts = {
      secondary: nameOfSecondary(known.secondary),
      zone: formatName(known.apex),
      answer: textOf(answer),
    }
    if (outcomeOf(answer) === 'refused')
      this.#log.warn(facts, 'a secondary does not take our NOTIFY: it follows at its own refresh interval')
    else this.#log.warn(facts, 'a secondary does not take our NOTIFY: it is told again')
  }

  #serialOf(apex: Uint8Array): number | undefined {
    const rdata = this.#catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    return rdata === undefined ? undefined : soaSerial(rdata)
  }
}

function stateOf({ apex, secondary, follower }: Known, serial: number): SecondaryState {
  const { acknowledged, transferred, answer, unanswered } = follower
  const lag = follower.lag(serial)
  return {
    secondary: nameOfSecondary(secondary),
    apex,
    serial,
    acknowledged,
    transferred,
    lag,
    answer,
    unanswered,
  }
}
