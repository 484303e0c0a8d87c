/** What a client will want next, for the additional section of an answer (RFC 1034 4.3.2 step 6). */
import { TYPE } from '../wire/codes.ts'
import { COUNT } from '../wire/message.ts'
import { octet, uint16 } from '../wire/octets.ts'
import type { Lookup } from '../zone/lookup.ts'
import { entryFlags, firstRdata, HAS_DNAME, HAS_NS, rrsetRecords, rrsetType } from '../zone/owner-entry.ts'
import type { Reply } from './reply.ts'

/** Rrsets that are added to an answer; the 13 servers of the root have 26. */
const MAX_ADDED = 64
/** Aliases followed from one SVCB or HTTPS to the next: resolvers give up about there (RFC 9460 3.1). */
const MAX_ALIASES = 4
const CASE_BIT = 0x20
const LOWER_A = 0x61
const LOWER_S = 0x73

/** Adds rrsets, each once (RFC 2181 5), and none of what does not fit: it was not asked for. */
export class Additional {
  readonly #reply: Reply
  readonly #lookup: Lookup
  /** Rrsets that the reply holds already. */
  readonly #added = new Int32Array(MAX_ADDED)
  #count = 0

  constructor(reply: Reply, lookup: Lookup) {
    this.#reply = reply
    this.#lookup = lookup
  }

  /** Adds what the answer's rrset leads to; its owner is the name at `ownerAt` in `owner`. */
  put(rrset: number, owner: Uint8Array, ownerAt: number): void {
    if (!leadsOn(rrsetType(this.#lookup.reader.octets, rrset))) return // most answers: A, AAAA, PTR
    this.#count = 0
    this.#note(rrset)
    this.#putTargets(rrset, owner, ownerAt, 0)
  }

  /** False if there is no more room. */
  #putTargets(rrset: number, owner: Uint8Array, ownerAt: number, aliases: number): boolean {
    const table = this.#lookup.reader.octets
    const type = rrsetType(table, rrset)
    if (!leadsOn(type)) return true
    for (let left = rrsetRecords(table, rrset), at = firstRdata(rrset); left > 0; left--) {
      if (!this.#putTarget(type, at + 2, owner, ownerAt, aliases)) return false
      at += 2 + uint16(table, at)
    }
    return true
  }

  #putTarget(type: number, rdata: number, owner: Uint8Array, ownerAt: number, aliases: number): boolean {
    const table = this.#lookup.reader.octets
    switch (type) {
      case TYPE.NS:
      case TYPE.MB:
        return this.#putAddresses(table, rdata)
      case TYPE.MX: // RFC 1035 3.3.9
      case TYPE.AFSDB: // RFC 1183 1
      case TYPE.KX: // RFC 2230 3.1
        return this.#putAddresses(table, rdata + 2)
      case TYPE.RT: // RFC 1183 3.3
        return (
          this.#putAddresses(table, rdata + 2) &&
          this.#putData(rdata + 2, TYPE.X25) &&
          this.#putData(rdata + 2, TYPE.ISDN)
        )
      case TYPE.LP: // RFC 6742 2.4
        return this.#putData(rdata + 2, TYPE.L32) && this.#putData(rdata + 2, TYPE.L64)
      case TYPE.SRV: // RFC 2782
        return this.#putAddresses(table, rdata + 6)
      case TYPE.NAPTR:
        return this.#putRule(rdata)
      default:
        return this.#putService(type, rdata, owner, ownerAt, aliases)
    }
  }

  /** RFC 3404 4.4: after a rule with the flag S comes a SRV, after one with the flag A an address. */
  #putRule(rdata: number): boolean {
    const table = this.#lookup.reader.octets
    const flags = rdata + 4
    const services = flags + 1 + octet(table, flags)
    const regexp = services + 1 + octet(table, services)
    const replacement = regexp + 1 + octet(table, regexp)
    for (let i = 1; i <= octet(table, flags); i++) {
      const flag = octet(table, flags + i) | CASE_BIT
      if (flag === LOWER_A) return this.#putAddresses(table, replacement)
      if (flag === LOWER_S) return this.#putData(replacement, TYPE.SRV)
    }
    return true
  }

  /** RFC 9460 4.1: addresses of the target, and if it is an alias (priority 0) its records of the same type. */
  #putService(type: number, rdata: number, owner: Uint8Array, ownerAt: number, aliases: number): boolean {
    const table = this.#lookup.reader.octets
    const isAlias = uint16(table, rdata) === 0
    const target = rdata + 2
    // RFC 9460 2.5: the root stands for the owner, or as an alias for nothing.
    if (octet(table, target) === 0) return isAlias || this.#putAddresses(owner, ownerAt)
    if (!isAlias) return this.#putAddresses(table, target)
    const service = aliases < MAX_ALIASES ? this.#dataOf(target, type) : 0
    if (service !== 0 && !this.#isAdded(service)) {
      if (!this.#add(table, target, service)) return false
      if (!this.#putTargets(service, table, target, aliases + 1)) return false
    }
    return this.#putAddresses(table, target)
  }

  /** The addresses of the name at `at`, glue too. */
  #putAddresses(source: Uint8Array, at: number): boolean {
    return (
      this.#add(source, at, this.#lookup.glue(source, at, TYPE.A)) &&
      this.#add(source, at, this.#lookup.glue(source, at, TYPE.AAAA))
    )
  }

  #putData(target: number, type: number): boolean {
    return this.#add(this.#lookup.reader.octets, target, this.#dataOf(target, type))
  }

  /** The rrset of a name in the table, of which our zone is the authority; 0 if there is none. */
  #dataOf(target: number, type: number): number {
    const { reader, apexLabels } = this.#lookup
    const rrset = this.#lookup.glue(reader.octets, target, type)
    if (rrset === 0) return 0
    for (let i = 0; i < reader.ancestors; i++) {
      const flags = entryFlags(reader.words, reader.ancestorEntries[i] ?? 0)
      const isCut = (flags & HAS_NS) !== 0 && octet(reader.ancestorLabels, i) > apexLabels
      if (isCut || (flags & HAS_DNAME) !== 0) return 0
    }
    const isCut = (entryFlags(reader.words, reader.exact) & HAS_NS) !== 0
    return isCut && this.#lookup.key.labels > apexLabels ? 0 : rrset
  }

  #add(source: Uint8Array, at: number, rrset: number): boolean {
    if (rrset === 0 || this.#isAdded(rrset)) return true
    if (this.#count === MAX_ADDED) return false
    this.#note(rrset)
    return this.#reply.putRrset(COUNT.ADDITIONAL, source, at, this.#lookup.reader.octets, rrset)
  }

  #note(rrset: number): void {
    this.#added[this.#count++] = rrset
  }

  #isAdded(rrset: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#added[i] === rrset) return true
    return false
  }
}

/** Whether rdata of a type name what is asked for next. */
function leadsOn(type: number): boolean {
  switch (type) {
    case TYPE.NS:
    case TYPE.MB:
    case TYPE.MX:
    case TYPE.AFSDB:
    case TYPE.RT:
    case TYPE.SRV:
    case TYPE.NAPTR:
    case TYPE.KX:
    case TYPE.SVCB:
    case TYPE.HTTPS:
    case TYPE.LP:
      return true
    default:
      return false
  }
}
