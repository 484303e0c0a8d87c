/** Answers a question of class IN from the zones: one function for each step of RFC 1034 4.3.2. */
import { RCODE, TYPE } from '../wire/codes.ts'
import { EDE } from '../wire/edns.ts'
import { COUNT, HEADER_LENGTH } from '../wire/message.ts'
import { MAX_NAME_LENGTH } from '../wire/name.ts'
import { copyOctets, uint16, uint32 } from '../wire/octets.ts'
import { isAtOrBelow, isSameName, wireNameLength } from '../wire/wire-name.ts'
import { type Lookup, OUTCOME, type Outcome } from '../zone/lookup.ts'
import { firstRdata, nameAt, rrsetRecords, rrsetTtl } from '../zone/owner-entry.ts'
import { Additional } from './additional.ts'
import type { Query } from './query.ts'
import type { Reply } from './reply.ts'

/** CNAMEs and DNAMEs followed for one question; resolvers follow about as many. */
const MAX_CHAIN = 16
const NAME_ROOM = 256

/** Where a SOA's rdata has its EXPIRE (RFC 1035 3.3.13), counted from its end. */
const EXPIRE_FROM_END = 8

export class Answer {
  readonly #query: Query
  readonly #reply: Reply
  readonly #lookup: Lookup
  /** The name that is being looked up: the question's, then each target of the chain. */
  #name: Uint8Array
  #at = HEADER_LENGTH
  /** Names of the chain after the question's, each in a room of its own. */
  readonly #chain = new Uint8Array(MAX_CHAIN * NAME_ROOM)
  #links = 0
  /** Offset in the query of the name that the outcome for the question's own name comes from; 0: there is none. */
  sourceAt = 0
  /** DNAME rrsets that the answer already holds. */
  readonly #dnames = new Int32Array(MAX_CHAIN + 1)
  readonly #additional: Additional

  constructor(query: Query, reply: Reply, lookup: Lookup) {
    this.#query = query
    this.#reply = reply
    this.#lookup = lookup
    this.#additional = new Additional(reply, lookup)
    this.#name = query.message
  }

  /** Forgets the answer before: to be called for every query, whether it comes to `solve` or not. */
  begin(): void {
    this.sourceAt = 0
  }

  /** Fills the reply's sections and returns the rcode: that of the last name in a chain (RFC 6604 3). */
  solve(): number {
    this.#name = this.#query.message
    this.#at = HEADER_LENGTH
    this.#links = 0
    for (;;) {
      const outcome = this.#step()
      if (this.#links === 0) {
        this.#reply.authoritative = outcome !== OUTCOME.REFERRAL && outcome > OUTCOME.FAILED
        if (this.#query.edns.asks !== 0) this.#tellOfZone(outcome)
        if (outcome > OUTCOME.FAILED)
          this.sourceAt = this.#at + this.#lookup.key.start(this.#lookup.sourceLabels)
      }
      if (outcome === OUTCOME.DNAME && !this.#putDname()) return RCODE.NOERROR
      if (outcome === OUTCOME.DNAME && !this.#fitsDname()) return RCODE.YXDOMAIN // RFC 6672 2.2
      if (outcome !== OUTCOME.CNAME && outcome !== OUTCOME.DNAME) return this.#end(outcome)
      if (!this.#follow(outcome)) return RCODE.NOERROR
    }
  }

  /** RFC 4035 2.5: RRSIG and NSEC stand beside a CNAME, so who asks for them asks about that name itself. */
  #step(): Outcome {
    const { type } = this.#query
    const outcome = this.#lookup.step(this.#name, this.#at, type)
    const isBeside = type === TYPE.RRSIG || type === TYPE.NSEC
    return isBeside && outcome === OUTCOME.CNAME ? OUTCOME.NODATA : outcome
  }

  /**
   * What is asked about the zone of the question's name, in the version that the answer is made from: its serial, in
   * denials and referrals too (RFC 9660 3.2), and when secondaries drop it, in answers to SOA (RFC 7314 2).
   */
  #tellOfZone(outcome: Outcome): void {
    if (outcome <= OUTCOME.FAILED) return
    const table = this.#lookup.reader.octets
    const rdata = firstRdata(this.#lookup.soa)
    const end = rdata + 2 + uint16(table, rdata)
    this.#reply.options.noteZone(this.#lookup.apexLabels, this.#lookup.serial)
    if (outcome === OUTCOME.ANSWER && this.#query.type === TYPE.SOA)
      this.#reply.options.noteExpire(uint32(table, end - EXPIRE_FROM_END))
  }

  #end(outcome: Outcome): number {
    switch (outcome) {
      case OUTCOME.ANSWER:
        return this.#solveAnswer()
      case OUTCOME.REFERRAL:
        return this.#solveReferral()
      case OUTCOME.NODATA:
        this.#putSoa()
        return RCODE.NOERROR
      case OUTCOME.NXDOMAIN:
        this.#putSoa()
        return RCODE.NXDOMAIN
      case OUTCOME.FAILED:
        this.#reply.extendedError = EDE.NOT_READY
        return RCODE.SERVFAIL
      default:
        return this.#solveOutside()
    }
  }

  #solveAnswer(): number {
    const table = this.#lookup.reader.octets
    const rrset = this.#lookup.rrset
    if (this.#isDnamePut(rrset) && this.#isOwnName()) return RCODE.NOERROR // it made the chain that ends at it
    if (!this.#reply.putRrset(COUNT.ANSWER, this.#name, this.#at, table, rrset)) {
      this.#reply.truncated = true
      return RCODE.NOERROR
    }
    this.#additional.put(rrset, this.#name, this.#at)
    return RCODE.NOERROR
  }

  /** The cut's NS with their glue. What lies below the cut can be had nowhere else: it fits, or TC (RFC 9471 2.1). */
  #solveReferral(): number {
    const lookup = this.#lookup
    const table = lookup.reader.octets
    const cut = this.#at + lookup.key.start(lookup.ownerLabels)
    const ns = lookup.rrset
    if (!this.#reply.putRrset(COUNT.AUTHORITY, this.#name, cut, table, ns)) {
      this.#reply.truncated = true
      return RCODE.NOERROR
    }
    for (let left = rrsetRecords(table, ns), at = firstRdata(ns); left > 0; left--) {
      const isBelow = isAtOrBelow(table, at + 2, this.#name, cut)
      if (isBelow && !this.#putAddressesOf(at + 2)) {
        this.#reply.truncated = true
        return RCODE.NOERROR
      }
      at += 2 + uint16(table, at)
    }
    this.#putSiblingGlue(ns, cut)
    return RCODE.NOERROR
  }

  /** Addresses of servers in our zone but not below the cut: left out if they do not fit (RFC 9471 2.2). */
  #putSiblingGlue(ns: number, cut: number): void {
    const table = this.#lookup.reader.octets
    for (let left = rrsetRecords(table, ns), at = firstRdata(ns); left > 0; left--) {
      if (!isAtOrBelow(table, at + 2, this.#name, cut) && !this.#putAddressesOf(at + 2)) return
      at += 2 + uint16(table, at)
    }
  }

  /** RFC 2308 3: the SOA of the zone of the last name, for as long as the denial may be kept. */
  #putSoa(): void {
    const lookup = this.#lookup
    const table = lookup.reader.octets
    const apex = this.#at + lookup.key.start(lookup.apexLabels)
    const rdata = firstRdata(lookup.soa)
    const minimum = uint32(table, rdata + 2 + uint16(table, rdata) - 4)
    const ttl = Math.min(rrsetTtl(table, lookup.soa), minimum)
    const fits = this.#reply.putRrsetWithTtl(COUNT.AUTHORITY, this.#name, apex, table, lookup.soa, ttl)
    if (!fits) this.#reply.truncated = true
  }

  /** A question outside our zones is refused, never referred upwards; a chain that leaves them just ends. */
  #solveOutside(): number {
    if (this.#links > 0) return RCODE.NOERROR
    this.#reply.extendedError = EDE.NOT_AUTHORITATIVE
    return RCODE.REFUSED
  }

  /** The DNAME itself, once however often the chain passes it (RFC 2181 5). */
  #putDname(): boolean {
    const lookup = this.#lookup
    const isPut = this.#isDnamePut(lookup.rrset)
    this.#dnames[this.#links] = lookup.rrset
    if (isPut) return true
    const owner = this.#at + lookup.key.start(lookup.ownerLabels)
    const fits = this.#reply.putRrset(COUNT.ANSWER, this.#name, owner, lookup.reader.octets, lookup.rrset)
    if (!fits) this.#reply.truncated = true
    return fits
  }

  #isDnamePut(rrset: number): boolean {
    for (let i = 0; i < this.#links; i++) if (this.#dnames[i] === rrset) return true
    return false
  }

  /** Is the rrset that was found the name's own, and not a wildcard's? */
  #isOwnName(): boolean {
    const { octets, exact } = this.#lookup.reader
    return isSameName(octets, nameAt(exact), this.#name, this.#at)
  }

  #fitsDname(): boolean {
    const lookup = this.#lookup
    const prefix = lookup.key.start(lookup.ownerLabels)
    return prefix + wireNameLength(lookup.reader.octets, firstRdata(lookup.rrset) + 2) <= MAX_NAME_LENGTH
  }

  /** Puts the CNAME, or the one that the DNAME stands for, and moves on to its target. False if the chain ends. */
  #follow(outcome: Outcome): boolean {
    if (this.#links === MAX_CHAIN) return false
    const { key, ownerLabels, rrset, reader } = this.#lookup
    const target = this.#links * NAME_ROOM
    const rdata = firstRdata(rrset) + 2
    const prefix = outcome === OUTCOME.DNAME ? key.start(ownerLabels) : 0
    copyOctets(this.#name, this.#at, this.#chain, target, prefix)
    copyOctets(reader.octets, rdata, this.#chain, target + prefix, wireNameLength(reader.octets, rdata))
    if (outcome === OUTCOME.CNAME) this.#dnames[this.#links] = 0

    const fits =
      outcome === OUTCOME.DNAME
        ? this.#reply.putCname(this.#name, this.#at, rrsetTtl(reader.octets, rrset), this.#chain, target)
        : this.#reply.putRrset(COUNT.ANSWER, this.#name, this.#at, reader.octets, rrset)
    if (!fits) this.#reply.truncated = true
    const ends =
      !fits || this.#query.type === TYPE.CNAME || this.#query.type === TYPE.ANY || this.#isVisited(target)
    this.#name = this.#chain
    this.#at = target
    this.#links++
    return !ends
  }

  #isVisited(target: number): boolean {
    if (isSameName(this.#chain, target, this.#query.message, HEADER_LENGTH)) return true
    for (let i = 0; i < this.#links; i++) {
      if (isSameName(this.#chain, target, this.#chain, i * NAME_ROOM)) return true
    }
    return false
  }

  /** The addresses of a server of a referral. */
  #putAddressesOf(target: number): boolean {
    return (
      this.#putAddress(target, this.#addressOf(target, TYPE.A)) &&
      this.#putAddress(target, this.#addressOf(target, TYPE.AAAA))
    )
  }

  /** The rrset of addresses that our zone holds of a name in the table, 0 if it holds none. */
  #addressOf(target: number, type: number): number {
    return this.#lookup.glue(this.#lookup.reader.octets, target, type)
  }

  #putAddress(target: number, rrset: number): boolean {
    const table = this.#lookup.reader.octets
    return rrset === 0 || this.#reply.putRrset(COUNT.ADDITIONAL, table, target, table, rrset)
  }
}
