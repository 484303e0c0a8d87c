/** Who may have a zone, and how many at a time. */
import { CLASS, isTransferType, RCODE, TYPE } from '../wire/codes.ts'
import { ASKS } from '../wire/edns.ts'
import { HEADER_LENGTH, skipQuestionName } from '../wire/message.ts'
import { lowerCaseName } from '../wire/name.ts'
import { uint16 } from '../wire/octets.ts'
import type { Rrset } from '../zone/rrset.ts'
import { soaSerial } from '../zone/serial.ts'
import type { Snapshot } from '../zone/snapshot.ts'
import { TooManySnapshots } from '../zone/table-fault.ts'
import { accept, VERDICT } from './accept.ts'
import { AwaitedTransfer } from './awaited-transfer.ts'
import type { Client } from './client.ts'
import type { Conversation } from './conversation.ts'
import { CookieSecrets } from './cookie-secrets.ts'
import { Cookies } from './cookies.ts'
import { heldSerial } from './held-serial.ts'
import { Query } from './query.ts'
import { apexOf, type RefusedTransfer, refusedOf } from './refused-transfer.ts'
import { Reply } from './reply.ts'
import { Signature } from './signature.ts'
import type { Signer } from './signer.ts'
import { Transfer } from './transfer.ts'
import { isAmong, type TransferPeer } from './transfer-peer.ts'
import { type StepsSince, type TransferKind, transferRecords } from './transfer-records.ts'
import type { TransferTimes } from './transfer-times.ts'
import { TransferTurns } from './transfer-turns.ts'

export interface TransferOptions {
  /** Holds the present version of all zones. Throws TooManySnapshots. */
  snapshot(): Snapshot
  readonly allow: readonly TransferPeer[]
  /** The journal; without one every transfer is of the whole zone. */
  readonly since?: StepsSince
  /** Called when a client has been sent all of a transfer. */
  readonly onSent?: (sent: SentTransfer) => void
  /** Called when a client is refused for its signature, or because it is not among those who may. */
  readonly onRefused?: (refused: RefusedTransfer) => void
}

/** A zone with the serial that a client has now, if it took what it was sent. */
export interface SentTransfer {
  /** In wire form and lower case. */
  readonly apex: Uint8Array
  readonly serial: number
  readonly kind: TransferKind
  /** Of the client: 4 or 16 octets. */
  readonly address: Uint8Array
  /** The key that it has signed with, in wire form and lower case. */
  readonly keyName: Uint8Array | undefined
}

/** What a transfer's replies share with all others. */
export interface TransferEngine {
  readonly signers: readonly Signer[]
  readonly transferTimes: TransferTimes
  readonly cookieSecrets: SharedArrayBuffer | undefined
  readonly nsid: Uint8Array
  readonly tcpIdleMs: number
  readonly counts: TransferCounts
}

/** What became of transfers that were allowed. */
export interface TransferCounts {
  /** Queries that met a defect of ours. */
  faults: number
  // Made whole, by kind.
  fullTransfers: number
  incrementalTransfers: number
  currentTransfers: number
  /** Refused because there are too many at a time. */
  overloadedTransfers: number
  /** Ended before their last message: the client went or was too slow, or the version was released by force. */
  brokenTransfers: number
}

interface HeldZone {
  readonly snapshot: Snapshot
  readonly soa: Rrset
}

/** An allowed query for a transfer. */
interface Asked {
  readonly query: Query
  readonly signature: Signature
  readonly client: Client
}

export class Transfers {
  readonly #options: TransferOptions
  readonly #engine: TransferEngine
  readonly #turns = new TransferTurns()

  constructor(options: TransferOptions, engine: TransferEngine) {
    this.#options = options
    this.#engine = engine
  }

  /** Begins the transfer that the message asks for; undefined: the nameserver answers, be it to refuse one. */
  begin(message: Uint8Array, length: number, client: Client): Conversation | undefined {
    if (client.transport !== 'tcp' || !asksForTransfer(message, length)) return undefined
    const query = new Query()
    query.read(message.slice(0, length), length) // the message's own octets are soon another's
    const signature = new Signature(query, this.#engine.signers, this.#engine.transferTimes)
    signature.check(client.seconds)
    if (!isPlain(query)) return undefined
    if (signature.rcode !== RCODE.NOERROR || !isAmong(this.#options.allow, client, signature.keyName)) {
      this.#options.onRefused?.(refusedOf({ query, signature }, client))
      return undefined
    }
    const asked = { query, signature, client }
    const zone = this.#hold(query)
    if (zone === 'none') return undefined
    if (zone === 'too many versions') {
      this.#engine.counts.overloadedTransfers++
      return undefined
    }
    const transfer = this.#readOrAwait(asked, zone)
    if (transfer !== undefined) signature.noteTransfer()
    return transfer
  }

  #readOrAwait(asked: Asked, zone: HeldZone): Conversation | undefined {
    if (this.#turns.begin(addressKey(asked.client))) return this.#read(asked, zone)
    zone.snapshot.release()
    return this.#await(asked)
  }

  /** It is the turn of one that waited; undefined: its zone has gone, or too many versions are held. */
  #beginLate(asked: Asked): Transfer | undefined {
    try {
      const zone = this.#hold(asked.query)
      if (typeof zone !== 'string') return this.#read(asked, zone)
      this.#turns.end(addressKey(asked.client))
    } catch {
      this.#engine.counts.faults++ // and it is refused: the fault must not be that of the one that has just ended
    }
    return undefined
  }

  /** Makes a transfer whose turn has begun; a fault ends the turn. */
  #read(asked: Asked, zone: HeldZone): Transfer {
    try {
      return this.#transferOf(asked, zone)
    } catch (error) {
      zone.snapshot.release()
      this.#turns.end(addressKey(asked.client))
      throw error
    }
  }

  #transferOf({ query, signature, client }: Asked, { snapshot, soa }: HeldZone): Transfer {
    const { kind, records } = transferRecords(
      { soa, snapshot },
      { held: heldSerial(query), since: this.#options.since ?? NOTHING_KEPT },
    )
    if (kind !== 'full') snapshot.release()
    const sent = { ...sentOf(soa, client), kind, keyName: signature.keyName }
    return new Transfer({
      reply: this.#replyTo(query, client),
      signature,
      records,
      seconds: client.seconds,
      onClose: end => {
        snapshot.release()
        if (end === 'broken off') this.#engine.counts.brokenTransfers++
        else this.#sent(sent)
        this.#turns.end(addressKey(client))
      },
    })
  }

  /** Lets it wait, or refuses it where too many do. The connection asks for nothing else meanwhile: its client stays. */
  #await(asked: Asked): AwaitedTransfer | undefined {
    const { query, signature, client } = asked
    const withdraw = this.#turns.wait(addressKey(client), () => transfer.begin(this.#beginLate(asked)))
    if (withdraw === undefined) {
      this.#engine.counts.overloadedTransfers++
      return undefined
    }
    const transfer = new AwaitedTransfer({
      withdraw,
      refuse: (octets, seconds) => {
        this.#engine.counts.overloadedTransfers++
        const reply = this.#replyTo(query, client)
        reply.begin(octets, 'tcp', signature.room)
        return signature.sign(octets, reply.finish(RCODE.REFUSED), seconds)
      },
    })
    return transfer
  }

  #sent(sent: SentTransfer): void {
    const { counts } = this.#engine
    if (sent.kind === 'full') counts.fullTransfers++
    else if (sent.kind === 'incremental') counts.incrementalTransfers++
    else counts.currentTransfers++
    this.#options.onSent?.(sent)
  }

  #replyTo(query: Query, client: Client): Reply {
    const { cookieSecrets, nsid, tcpIdleMs } = this.#engine
    const cookies = cookieSecrets && new Cookies(new CookieSecrets(cookieSecrets))
    if ((query.edns.asks & ASKS.COOKIE) !== 0) cookies?.judge(query, client)
    // RFC 5936 3.4: names are compressed so that their case is kept.
    return new Reply(query, { nsid, cookies, tcpIdleMs, keepsCase: true })
  }

  /** The version that a transfer of the zone would be of. */
  #hold(query: Query): HeldZone | 'none' | 'too many versions' {
    try {
      const snapshot = this.#options.snapshot()
      const soa = snapshot.rrset(apexOf(query), TYPE.SOA)
      if (soa !== undefined) return { snapshot, soa }
      snapshot.release()
      return 'none'
    } catch (error) {
      if (!(error instanceof TooManySnapshots)) throw error
      return 'too many versions' // refused as any other that is one too many
    }
  }
}

const NOTHING_KEPT: StepsSince = () => undefined

/** One look at the header and the question: every query over TCP comes by here. */
function asksForTransfer(message: Uint8Array, length: number): boolean {
  if (accept(message, length) !== VERDICT.QUERY) return false
  const fixed = skipQuestionName(message, length, HEADER_LENGTH)
  return fixed !== 0 && fixed + 4 <= length && isTransferType(uint16(message, fixed))
}

/** Is there nothing in the query that is answered with an error? An IXFR says what the client holds (RFC 1995 3). */
function isPlain(query: Query): boolean {
  const { malformed, class: qclass, type, edns } = query
  if (malformed || qclass !== CLASS.IN || edns.version !== 0) return false
  if ((edns.asks & ASKS.ODD_KEEPALIVE) !== 0) return false
  return type === TYPE.AXFR || heldSerial(query) !== undefined
}

function sentOf(soa: Rrset, { octets, length }: Client): Omit<SentTransfer, 'kind' | 'keyName'> {
  const serial = soaSerial(soa.rdatas[0] ?? new Uint8Array(20))
  return { apex: lowerCaseName(soa.owner), serial, address: octets.slice(0, length) }
}

function addressKey({ octets, length }: Client): string {
  return Buffer.from(octets.subarray(0, length)).toString('hex')
}
