/** What the nameserver counts: plain fields, so that a query allocates nothing and another thread can add them up. */
import { RCODE, TYPE } from '../wire/codes.ts'
import type { TransferCounts } from './transfers.ts'

/** What has happened since the start. */
export class Counts implements TransferCounts {
  /** Messages that came in. */
  queries = 0
  /** Messages without a reply. */
  dropped = 0
  /** Replies over the rate limit that were left out, and those that went out truncated or as BADCOOKIE. */
  limited = 0
  slipped = 0
  /** Replies with TC. */
  truncated = 0
  /** Replies cut short by a fault of ours; they are counted under `servfail` too. */
  faults = 0
  /** Queries whose server cookie was ours and in time, and those where it was not (RFC 7873 7.2). */
  validCookies = 0
  invalidCookies = 0
  // Replies by rcode.
  noerror = 0
  formerr = 0
  servfail = 0
  nxdomain = 0
  notimp = 0
  refused = 0
  yxdomain = 0
  notauth = 0
  badvers = 0
  badcookie = 0
  /** Replies to a TSIG of which key, MAC, time or truncation are not accepted; their rcode is counted too. */
  badtsig = 0
  fullTransfers = 0
  incrementalTransfers = 0
  currentTransfers = 0
  overloadedTransfers = 0
  brokenTransfers = 0
  // Questions by type: those that are asked often, and all others.
  typeA = 0
  typeAAAA = 0
  typeANY = 0
  typeAXFR = 0
  typeCAA = 0
  typeCNAME = 0
  typeDNSKEY = 0
  typeDS = 0
  typeHTTPS = 0
  typeIXFR = 0
  typeMX = 0
  typeNS = 0
  typePTR = 0
  typeSOA = 0
  typeSRV = 0
  typeSVCB = 0
  typeTXT = 0
  typeOther = 0
}

/** Counts a reply. */
export function countRcode(counts: Counts, rcode: number): void {
  switch (rcode) {
    case RCODE.NOERROR:
      counts.noerror++
      return
    case RCODE.NXDOMAIN:
      counts.nxdomain++
      return
    case RCODE.REFUSED:
      counts.refused++
      return
    case RCODE.FORMERR:
      counts.formerr++
      return
    case RCODE.NOTIMP:
      counts.notimp++
      return
    case RCODE.YXDOMAIN:
      counts.yxdomain++
      return
    case RCODE.NOTAUTH:
      counts.notauth++
      return
    case RCODE.BADVERS:
      counts.badvers++
      return
    case RCODE.BADCOOKIE:
      counts.badcookie++
      return
    default:
      counts.servfail++
  }
}

/** Counts a question. */
export function countType(counts: Counts, type: number): void {
  switch (type) {
    case TYPE.A:
      counts.typeA++
      return
    case TYPE.AAAA:
      counts.typeAAAA++
      return
    case TYPE.ANY:
      counts.typeANY++
      return
    case TYPE.AXFR:
      counts.typeAXFR++
      return
    case TYPE.CAA:
      counts.typeCAA++
      return
    case TYPE.CNAME:
      counts.typeCNAME++
      return
    case TYPE.DNSKEY:
      counts.typeDNSKEY++
      return
    case TYPE.DS:
      counts.typeDS++
      return
    case TYPE.HTTPS:
      counts.typeHTTPS++
      return
    case TYPE.IXFR:
      counts.typeIXFR++
      return
    case TYPE.MX:
      counts.typeMX++
      return
    case TYPE.NS:
      counts.typeNS++
      return
    case TYPE.PTR:
      counts.typePTR++
      return
    case TYPE.SOA:
      counts.typeSOA++
      return
    case TYPE.SRV:
      counts.typeSRV++
      return
    case TYPE.SVCB:
      counts.typeSVCB++
      return
    case TYPE.TXT:
      counts.typeTXT++
      return
    default:
      counts.typeOther++
  }
}
