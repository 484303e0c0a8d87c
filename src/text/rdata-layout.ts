import { TYPE } from '../wire/codes.ts'
import { algorithm, certificateType, digestType, keyFlags, keyProtocol, syncScheme } from './mnemonic.ts'
import { addressSuffix, prefixName } from './rdata-a6.ts'
import { addressPrefixes } from './rdata-apl.ts'
import { base64, digest, hashedOwner, hex, keyOrNone, optionalBase64, salt } from './rdata-binary.ts'
import {
  caaTag,
  digits,
  ipv4,
  ipv6,
  name,
  optionalString,
  plainName,
  type RdataField,
  rest,
  seconds,
  string,
  strings,
  u8,
  u16,
  u32,
  zero,
} from './rdata-field.ts'
import { amtRelay, ipsecGateway } from './rdata-gateway.ts'
import { atmAddress, fourGroups, hardwareAddress, nsapAddress } from './rdata-hex-group.ts'
import { hostIdentity } from './rdata-hip.ts'
import { location } from './rdata-loc.ts'
import { svcParams } from './rdata-svcb.ts'
import { moment } from './rdata-time.ts'
import { services } from './rdata-wks.ts'
import { nxtBitmap, recordType, typeBitmap } from './type-list.ts'

/**
 * Digest lengths in octets, by the octet before: RFC 4509, RFC 6605; RFC 6594; RFC 6698; RFC 8976. A DS cut short
 * breaks the zone below, and named refuses it. The others load in nsd, knotd and ldns, and in named a TLSA does.
 */
const DS_DIGEST = digest('a digest', { lengths: { 1: 20, 2: 32, 4: 48 }, otherwise: 'refused' })
const SSHFP_DIGEST = digest('a fingerprint', { lengths: { 1: 20, 2: 32 }, otherwise: 'warned of' })
const TLSA_DATA = digest('certificate data', { lengths: { 1: 32, 2: 64 }, otherwise: 'warned of' })
const ZONEMD_DIGEST = digest('a digest', { lengths: { 1: 48, 2: 64 }, otherwise: 'warned of' })

const DS: readonly RdataField[] = [u16('a key tag'), algorithm, digestType, DS_DIGEST]
const DNSKEY: readonly RdataField[] = [keyFlags, keyProtocol, algorithm, base64('a key')]
const SVCB: readonly RdataField[] = [u16('a priority'), plainName, svcParams]
const TLSA: readonly RdataField[] = [u8('a usage'), u8('a selector'), u8('a matching type'), TLSA_DATA]
const RRSIG: readonly RdataField[] = [
  recordType,
  algorithm,
  u8('labels'),
  seconds('the original TTL'),
  moment('the expiration'),
  moment('the inception'),
  u16('a key tag'),
  name,
  base64('a signature'),
]

/** The fields of each type's rdata, in the order of text and wire. A type is one row. */
const LAYOUTS = new Map<number, readonly RdataField[]>([
  [TYPE.A, [ipv4]], //                                                                    RFC 1035 3.4.1
  [TYPE.NS, [name]], //                                                                   RFC 1035 3.3.11
  [TYPE.MD, [name]], //                                             RFC 1035 3.3.4; named refuses it: obsolete
  [TYPE.MF, [name]], //                                             RFC 1035 3.3.5; named refuses it: obsolete
  [TYPE.CNAME, [name]], //                                                                RFC 1035 3.3.1
  [
    TYPE.SOA, //                                                                          RFC 1035 3.3.13
    [
      name,
      name,
      u32('a serial'),
      seconds('refresh'),
      seconds('retry'),
      seconds('expire'),
      seconds('minimum'),
    ],
  ],
  [TYPE.MB, [name]], //                                                                   RFC 1035 3.3.3
  [TYPE.MG, [name]], //                                                                   RFC 1035 3.3.6
  [TYPE.MR, [name]], //                                                                   RFC 1035 3.3.8
  [TYPE.WKS, [ipv4, services]], //                                                        RFC 1035 3.4.2
  [TYPE.PTR, [name]], //                                                                  RFC 1035 3.3.12
  [TYPE.HINFO, [string('a CPU'), string('an operating system')]], //                      RFC 1035 3.3.2
  [TYPE.MINFO, [name, name]], //                                                          RFC 1035 3.3.7
  [TYPE.MX, [u16('a preference'), name]], //                                              RFC 1035 3.3.9
  [TYPE.TXT, [strings]], //                                                               RFC 1035 3.3.14
  [TYPE.RP, [name, name]], //                                                             RFC 1183 2.2
  [TYPE.AFSDB, [u16('a subtype'), name]], //                                              RFC 1183 1
  [TYPE.X25, [digits('a PSDN address', 4)]], //                      RFC 1183 3.1; nsd and ldns take letters
  [TYPE.ISDN, [string('an ISDN address'), optionalString('a subaddress')]], //            RFC 1183 3.2
  [TYPE.RT, [u16('a preference'), name]], //                                              RFC 1183 3.3
  [TYPE.NSAP, [nsapAddress]], //                                                          RFC 1706 5
  [TYPE['NSAP-PTR'], [plainName]], //                                   RFC 1706 6; ldns takes it for a string
  [TYPE.SIG, RRSIG], //                                               RFC 2535 4.1; named and nsd want dates
  [
    TYPE.KEY, //                                                     RFC 2535 3.1, 7.1; named alone takes words
    [keyFlags, keyProtocol, algorithm, keyOrNone],
  ],
  [TYPE.PX, [u16('a preference'), name, name]], //                                        RFC 2163 4
  [TYPE.GPOS, [string('a longitude'), string('a latitude'), string('an altitude')]], //   RFC 1712 3
  [TYPE.AAAA, [ipv6]], //                                                                 RFC 3596 2.2
  [TYPE.LOC, [location]], //                                                              RFC 1876 2
  [TYPE.NXT, [name, nxtBitmap]], //                                 RFC 2535 5.2; ldns does not read it
  [TYPE.EID, [hex('an endpoint identifier')]], //                    draft-ietf-nimrod-dns-01 4
  [TYPE.NIMLOC, [hex('a locator')]], //                              draft-ietf-nimrod-dns-01 4
  [TYPE.SRV, [u16('a priority'), u16('a weight'), u16('a port'), name]], //               RFC 2782
  [TYPE.ATMA, [atmAddress]], //                           AF-SAA-0069; ldns leaves the format octet out
  [
    TYPE.NAPTR, //                                                                        RFC 3403 4.1
    [u16('an order'), u16('a preference'), string('flags'), string('services'), string('a regexp'), name],
  ],
  [TYPE.KX, [u16('a preference'), name]], //                                              RFC 2230 3.1
  [TYPE.CERT, [certificateType, u16('a key tag'), algorithm, base64('a certificate')]], // RFC 4398 2
  [TYPE.A6, [addressSuffix, prefixName]], //                                              RFC 2874 3
  [TYPE.DNAME, [name]], //                                                                RFC 6672 2.1
  [
    TYPE.SINK, //                                                    draft-eastlake-kitchen-sink-02 4
    [u8('a meaning'), u8('a coding'), u8('a subcoding'), optionalBase64('data')],
  ],
  [TYPE.APL, [addressPrefixes]], //                                                       RFC 3123 4
  [TYPE.DS, DS], //                                                                       RFC 4034 5.1
  [TYPE.SSHFP, [u8('an algorithm'), u8('a fingerprint type'), SSHFP_DIGEST]], //          RFC 4255 3.1
  [TYPE.IPSECKEY, [u8('a precedence'), ipsecGateway]], //             RFC 4025 2; named demands a key
  [TYPE.RRSIG, RRSIG], //                                                                 RFC 4034 3.1
  [TYPE.NSEC, [plainName, typeBitmap]], //                            RFC 4034 4.1, RFC 6840 5.1: no folding
  [TYPE.DNSKEY, DNSKEY], //                                                               RFC 4034 2.1
  [TYPE.DHCID, [base64('an identifier')]], //                                             RFC 4701 3
  [
    TYPE.NSEC3, //                                                                        RFC 5155 3.2
    [u8('an algorithm'), u8('flags'), u16('iterations'), salt, hashedOwner, typeBitmap],
  ],
  [TYPE.NSEC3PARAM, [u8('an algorithm'), u8('flags'), u16('iterations'), salt]], //       RFC 5155 4.2
  [TYPE.TLSA, TLSA], //                                                                   RFC 6698 2.1
  [TYPE.SMIMEA, TLSA], //                                                                 RFC 8162 2
  [TYPE.HIP, [hostIdentity]], //                                                          RFC 8005 5
  [TYPE.NINFO, [strings]], //                                        draft-reid-dnsext-zs-01
  [TYPE.RKEY, [zero('flags', 2), keyProtocol, algorithm, base64('a key')]], //  draft-reid-dnsext-rkey-00
  [TYPE.TALINK, [plainName, plainName]], //                          draft-wijngaards-dnsop-trust-history-02
  [TYPE.CDS, DS], //                                                                      RFC 7344 3.1
  [TYPE.CDNSKEY, DNSKEY], //                                                              RFC 7344 3.2
  [TYPE.OPENPGPKEY, [base64('a key')]], //                                                RFC 7929 2.1
  [TYPE.CSYNC, [u32('a serial'), u16('flags'), typeBitmap]], //                           RFC 7477 2.1
  [
    TYPE.ZONEMD, //                                                                       RFC 8976 2.2
    [u32('a serial'), u8('a scheme'), u8('a hash algorithm'), ZONEMD_DIGEST],
  ],
  [TYPE.SVCB, SVCB], //                                                                   RFC 9460 2.1
  [TYPE.HTTPS, SVCB], //                                                                  RFC 9460 9
  [TYPE.DSYNC, [recordType, syncScheme, u16('a port'), plainName]], //                    RFC 9859 2
  [TYPE.HHIT, [base64('an identity')]], //                                                RFC 9886 5
  [TYPE.BRID, [base64('an identity')]], //                                                RFC 9886 5
  [TYPE.SPF, [strings]], //                                                               RFC 7208 3.1
  [TYPE.NID, [u16('a preference'), fourGroups]], //            RFC 6742 2.1; knot wants all four digits
  [TYPE.L32, [u16('a preference'), ipv4]], //                                             RFC 6742 2.2
  [TYPE.L64, [u16('a preference'), fourGroups]], //            RFC 6742 2.3; knot wants all four digits
  [TYPE.LP, [u16('a preference'), plainName]], //                                         RFC 6742 2.4
  [TYPE.EUI48, [hardwareAddress(6)]], //                        RFC 7043 3; knot wants two digits an octet
  [TYPE.EUI64, [hardwareAddress(8)]], //                        RFC 7043 4; knot wants two digits an octet
  [TYPE.URI, [u16('a priority'), u16('a weight'), rest('a target')]], //                  RFC 7553 4.5
  [TYPE.CAA, [u8('flags'), caaTag, rest('a value')]], //                                  RFC 8659 4.1
  [TYPE.AVC, [strings]], //                                          IANA's template AVC/avc-completed-template
  [
    TYPE.DOA, //                                                     draft-durand-doa-over-dns-03 3
    [
      u32('an enterprise'),
      u32('a type'),
      u8('a location'),
      string('a media type'),
      optionalBase64('data', '-'),
    ],
  ],
  [TYPE.AMTRELAY, [u8('a precedence'), amtRelay]], //                                     RFC 8777 4
  [TYPE.RESINFO, [strings]], //                                                           RFC 9606 4
  [TYPE.WALLET, [strings]], //                                       IANA's template WALLET/wallet-completed-template
  [TYPE.TA, DS], //                                                  Weiler, "DNSSEC Deployment Without a Signed Root"
  [TYPE.DLV, DS], //                                                                      RFC 4431 2
])

/** The fields of a type's rdata; undefined for a type whose rdata is only known as octets (RFC 3597). */
export function layoutOf(type: number): readonly RdataField[] | undefined {
  return LAYOUTS.get(type)
}
