/** The nameserver: a function from the octets of a query to the octets of its reply. It knows no socket and no clock. */
import { CLASS, isTransferType, RCODE, TYPE } from '../wire/codes.ts'
import { CLIENT_COOKIE_LENGTH } from '../wire/cookie.ts'
import { ASKS, EDE } from '../wire/edns.ts'
import { FLAG, flagsOf, HEADER_LENGTH, OPCODE_MASK } from '../wire/message.ts'
import { putUint16 } from '../wire/octets.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Catalog } from '../zone/catalog.ts'
import { Lookup } from '../zone/lookup.ts'
import { accept, VERDICT, type Verdict } from './accept.ts'
import { Answer } from './answer.ts'
import { Chaos } from './chaos.ts'
import type { Client } from './client.ts'
import type { Conversation } from './conversation.ts'
import { CookieSecrets } from './cookie-secrets.ts'
import { Cookies } from './cookies.ts'
import { Counts, countRcode, countType } from './counts.ts'
import { isMetaType, MetaAnswer } from './meta-answer.ts'
import { Query } from './query.ts'
import type { RateLimitOptions } from './rate-limit.ts'
import { type RefusedTransfer, refusedOf } from './refused-transfer.ts'
import { Reply } from './reply.ts'
import { ReplyLimit, SILENCE } from './reply-limit.ts'
import { Signature } from './signature.ts'
import { type Signer, signersOf } from './signer.ts'
import type { TransferPeer } from './transfer-peer.ts'
import { type SignedQuery, TransferTimes } from './transfer-times.ts'
import { type SentTransfer, type TransferOptions, Transfers } from './transfers.ts'
import type { TsigKey } from './tsig-key.ts'

/** The smallest buffer a reply is written into. */
const MIN_REPLY_ROOM = 512
const MAX_NSID_LENGTH = 255

export interface NameserverOptions {
  readonly catalog: Pick<Catalog, 'buffer'>
  /** Sent as it is to who asks for it (RFC 5001), and as id.server; empty: not at all. */
  readonly nsid: string
  /** Text of version.bind and version.server; empty: refused. */
  readonly version: string
  /** Text of hostname.bind; empty: refused. */
  readonly hostname: string
  /** Memory of the secrets that server cookies are made with; without it cookies are off. */
  readonly cookieSecrets?: SharedArrayBuffer
  /** For how long a TCP connection may be idle, in milliseconds: told to who asks (RFC 7828). */
  readonly tcpIdleMs?: number
  /** How many replies a network gets over UDP; undefined: as many as it asks for. */
  readonly rateLimit?: RateLimitOptions
  /** Of clients that sign their queries (RFC 8945); none unless given. */
  readonly keys?: readonly TsigKey[]
  /** Who is told over UDP what has changed in a zone; nobody unless given. */
  readonly allowTransfer?: readonly TransferPeer[]
  /** Memory of the RecentSteps that they are told from; without it they are told our SOA, and come by TCP. */
  readonly recentSteps?: SharedArrayBuffer
  /** Who may transfer zones; undefined: nobody. An engine in another thread has none: TCP is answered in one. */
  readonly transfers?: TransferOptions
}

export class Nameserver {
  readonly counts: Counts
  readonly #transferTimes: TransferTimes
  readonly #query = new Query()
  readonly #reply: Reply
  readonly #lookup: Lookup
  readonly #answer: Answer
  readonly #chaos: Chaos
  readonly #cookies: Cookies | undefined
  readonly #signature: Signature
  readonly #replyLimit: ReplyLimit | undefined
  readonly #transfers: Transfers | undefined
  readonly #metaAnswer: MetaAnswer
  /** Called when a client has been told over UDP what has changed, or that nothing has. */
  onSent: (sent: SentTransfer) => void = () => undefined

  /** Called when a query that secondaries alone send is refused over UDP, or the SOA over TCP. */
  onRefused: (refused: RefusedTransfer) => void = () => undefined

  /** Called with each signed query for differences over UDP that is answered: it must not come again over TCP. */
  onSigned: (signed: SignedQuery) => void = () => undefined
  readonly #signers: readonly Signer[]

  /** `former`: the one that this one follows, whose counts and memory of signed transfers it goes on with. */
  constructor(options: NameserverOptions, former?: Nameserver) {
    const { catalog, nsid, version, hostname, keys = [], cookieSecrets, tcpIdleMs = 0, rateLimit } = options
    const identity = new TextEncoder().encode(nsid)
    if (identity.length > MAX_NSID_LENGTH)
      throw new RangeError(`the NSID is longer than ${MAX_NSID_LENGTH} octets`)
    this.#cookies = cookieSecrets && new Cookies(new CookieSecrets(cookieSecrets))
    this.#reply = new Reply(this.#query, { nsid: identity, cookies: this.#cookies, tcpIdleMs })
    this.#lookup = new Lookup(catalog.buffer)
    this.#answer = new Answer(this.#query, this.#reply, this.#lookup)
    this.#chaos = new Chaos({ version, hostname, identity: nsid === '' ? hostname : nsid })
    const signers = signersOf(keys)
    this.#signers = signers
    this.counts = former?.counts ?? new Counts()
    this.#transferTimes = former === undefined ? new TransferTimes() : former.#transferTimes
    const transferTimes = this.#transferTimes
    this.#signature = new Signature(this.#query, signers, options.transfers && transferTimes)
    const { counts } = this
    const engine = { signers, transferTimes, cookieSecrets, nsid: identity, tcpIdleMs, counts }
    this.#transfers = options.transfers && new Transfers(options.transfers, engine)
    const parts = { query: this.#query, reply: this.#reply, answer: this.#answer, counts }
    const hasCookies = this.#cookies !== undefined
    this.#replyLimit = rateLimit && new ReplyLimit(rateLimit, { ...parts, hasCookies })
    this.#metaAnswer = new MetaAnswer(
      { ...parts, lookup: this.#lookup, signature: this.#signature },
      {
        allowTransfer: options.allowTransfer ?? options.transfers?.allow ?? [],
        recentSteps: options.recentSteps,
        onSent: sent => this.onSent(sent),
        onSigned: signed => this.onSigned(signed),
        onRefused: refused => this.onRefused(refused),
      },
    )
  }

  /** Remembers a query that another engine has answered. */
  noteSigned({ keyName, timeSigned, mac }: SignedQuery): void {
    const signer = this.#signers.find(({ name }) => isSameName(name, 0, keyName, 0))
    if (signer !== undefined) this.#transferTimes.note(signer, timeSigned, mac)
  }

  /** Does what `respond` does, but for a transfer that is allowed: that is a conversation, which the caller closes. */
  converse(query: Uint8Array, length: number, reply: Uint8Array, client: Client): number | Conversation {
    const transfer = this.#transfers?.begin(query, length, client)
    if (transfer === undefined) return this.respond(query, length, reply, client)
    this.counts.queries++
    this.#query.read(query, length)
    countType(this.counts, this.#query.type)
    countRcode(this.counts, RCODE.NOERROR)
    return transfer
  }

  /**
   * Answers the first `length` octets of `query` into `reply`, which has room for 512 octets at least. Returns the
   * length of the reply; 0 is silence. Never throws.
   */
  respond(query: Uint8Array, length: number, reply: Uint8Array, client: Client): number {
    this.counts.queries++
    const verdict = reply.length < MIN_REPLY_ROOM ? VERDICT.DROP : accept(query, length)
    if (verdict === VERDICT.DROP) {
      this.counts.dropped++
      return 0
    }
    try {
      return this.#respond(verdict, query, length, reply, client)
    } catch {
      // No input is known that leads here. Should one be found, its sender learns nothing and others are not harmed.
      this.counts.faults++
      countRcode(this.counts, RCODE.SERVFAIL)
      return writeServfail(query, reply)
    }
  }

  #respond(verdict: Verdict, message: Uint8Array, length: number, reply: Uint8Array, client: Client): number {
    this.#lookup.reader.refresh()
    this.#query.read(message, length)
    if (this.#query.hasQuestion) countType(this.counts, this.#query.type)
    if ((this.#query.edns.asks & ASKS.COOKIE) !== 0) this.#judgeCookie(client)
    this.#answer.begin()
    this.#metaAnswer.told = undefined
    this.#signature.check(client.seconds)
    this.#reply.begin(reply, client.transport, this.#signature.room)
    const wanted = this.#cutToQuestion(this.#rcode(verdict, client))
    const rcode = this.#replyLimit === undefined ? wanted : this.#replyLimit.limited(wanted, client)
    if (rcode === SILENCE) return 0
    if (this.#reply.truncated) this.counts.truncated++
    countRcode(this.counts, rcode)
    const { told } = this.#metaAnswer
    if (told !== undefined) this.#metaAnswer.noteTold(told, client)
    return this.#signature.sign(reply, this.#reply.finish(rcode), client.seconds)
  }

  /**
   * RFC 7873 5.2.4: a query with a wrong server cookie, or one that is too old, is answered as if it had none. We answer
   * those, as BIND and NSD do: BADCOOKIE, which 5.2.3 allows over UDP (Knot sends it), would cost every new client a
   * round trip. Who must be held back is for the rate limits to say.
   */
  #judgeCookie(client: Client): void {
    if (this.#cookies === undefined) return
    this.#query.hasValidCookie = this.#cookies.judge(this.#query, client)
    if (this.#query.hasValidCookie) this.counts.validCookies++
    else if (this.#query.edns.cookieLength > CLIENT_COOKIE_LENGTH) this.counts.invalidCookies++
  }

  /** The cascade: each line is a reason to stop, in this order. */
  #rcode(verdict: Verdict, client: Client): number {
    const { transport } = client
    const { edns, malformed, class: qclass, type } = this.#query
    // RFC 8945 5.2: every reply to a query with a TSIG has one too, so this comes before what else may be wrong.
    if (!this.#reply.isWithinLimit) return this.#goUnsigned()
    if (this.#signature.rcode !== RCODE.NOERROR) return this.#refuseSignature(verdict, client)
    if (verdict === VERDICT.NOTIMP) return RCODE.NOTIMP
    if (verdict === VERDICT.FORMERR || malformed) return RCODE.FORMERR
    if (edns.version > 0) return RCODE.BADVERS // RFC 6891 6.1.3: before any zone is looked at
    // RFC 7828 3.1: a time-out has two octets. Over UDP the option is ignored, whatever it holds (3.3.1).
    if ((edns.asks & ASKS.ODD_KEEPALIVE) !== 0 && transport === 'tcp') return RCODE.FORMERR
    if (verdict === VERDICT.NO_QUESTION) return this.#cookieAlone()
    if (verdict === VERDICT.NOTIFY) return this.#notify()
    if (qclass === CLASS.CH) return this.#chaos.answer(this.#query, this.#reply)
    if (qclass !== CLASS.IN) return this.#refuse(EDE.NOT_AUTHORITATIVE)
    if (isMetaType(type)) return this.#metaAnswer.solve(type, client)
    return this.#answer.solve()
  }

  /** RFC 7873 5.4: nothing is asked but a cookie, or whether a cookie is still good. */
  #cookieAlone(): number {
    const { edns, hasValidCookie } = this.#query
    if (this.#cookies === undefined || (edns.asks & ASKS.COOKIE) === 0) return RCODE.FORMERR
    const isKnown = edns.cookieLength === CLIENT_COOKIE_LENGTH || hasValidCookie
    return isKnown ? RCODE.NOERROR : RCODE.BADCOOKIE
  }

  /** A question and a key of enormous names leave no room for a TSIG in a datagram: TCP has it. */
  #goUnsigned(): number {
    this.#signature.withdraw()
    this.#reply.truncated = true
    return RCODE.NOERROR
  }

  #refuseSignature(verdict: Verdict, client: Client): number {
    this.counts.badtsig++
    if (verdict === VERDICT.QUERY && this.#isOfSecondary(client) && this.#isOurApex())
      this.onRefused(refusedOf({ query: this.#query, signature: this.#signature }, client))
    return this.#signature.rcode
  }

  /** A transfer over TCP that is refused has been told of by then: see Transfers. */
  #isOfSecondary({ transport }: Client): boolean {
    const { hasQuestion, type } = this.#query
    return hasQuestion && (type === TYPE.SOA || (isTransferType(type) && transport === 'udp'))
  }

  /** RFC 8945 5.3: a signed reply that does not fit has the question, TC and rcode 0, and no records. */
  #cutToQuestion(rcode: number): number {
    if (this.#signature.room === 0 || !this.#reply.truncated) return rcode
    this.#reply.dropRecords()
    return RCODE.NOERROR
  }

  /** RFC 1996 3: we are primary of our zones, so there is nobody to be notified by. */
  #notify(): number {
    if (this.#isOurApex()) return RCODE.REFUSED
    this.#reply.extendedError = EDE.NOT_AUTHORITATIVE
    return RCODE.NOTAUTH
  }

  #refuse(extendedError: number): number {
    this.#reply.extendedError = extendedError
    return RCODE.REFUSED
  }

  #isOurApex(): boolean {
    return this.#query.class === CLASS.IN && this.#lookup.isApex(this.#query.message, HEADER_LENGTH)
  }
}

function writeServfail(query: Uint8Array, reply: Uint8Array): number {
  reply.set(query.subarray(0, 2))
  putUint16(reply, 2, FLAG.QR | (flagsOf(query) & (OPCODE_MASK | FLAG.RD)) | RCODE.SERVFAIL)
  reply.fill(0, 4, HEADER_LENGTH)
  return HEADER_LENGTH
}
