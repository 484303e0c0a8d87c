import { TYPE } from '../wire/codes.ts'
import { algorithm, base64, digest, typeBitmap } from './rdata-binary.ts'
import {
  caaTag,
  ipv4,
  ipv6,
  name,
  plainName,
  type RdataField,
  rest,
  seconds,
  string,
  strings,
  u8,
  u16,
  u32,
} from './rdata-field.ts'
import { location } from './rdata-loc.ts'
import { svcParams } from './rdata-svcb.ts'

/** Digest lengths in octets, by the octet before: RFC 4509, RFC 6605; RFC 6594; RFC 6698; RFC 8976. */
const DS_DIGEST = digest('a digest', { 1: 20, 2: 32, 4: 48 })
const SSHFP_DIGEST = digest('a fingerprint', { 1: 20, 2: 32 })
const TLSA_DATA = digest('certificate data', { 1: 32, 2: 64 })
const ZONEMD_DIGEST = digest('a digest', { 1: 48, 2: 64 })

const DS: readonly RdataField[] = [u16('a key tag'), algorithm, u8('a digest type'), DS_DIGEST]
const DNSKEY: readonly RdataField[] = [u16('flags'), u8('a protocol'), algorithm, base64('a key')]
const SVCB: readonly RdataField[] = [u16('a priority'), plainName, svcParams]
const TLSA: readonly RdataField[] = [u8('a usage'), u8('a selector'), u8('a matching type'), TLSA_DATA]

/** The fields of each type's rdata, in the order of text and wire. A type is one row. */
const LAYOUTS = new Map<number, readonly RdataField[]>([
  [TYPE.A, [ipv4]], //                                                                    RFC 1035 3.4.1
  [TYPE.NS, [name]], //                                                                   RFC 1035 3.3.11
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
  [TYPE.PTR, [name]], //                                                                  RFC 1035 3.3.12
  [TYPE.HINFO, [string('a CPU'), string('an operating system')]], //                      RFC 1035 3.3.2
  [TYPE.MX, [u16('a preference'), name]], //                                              RFC 1035 3.3.9
  [TYPE.TXT, [strings]], //                                                               RFC 1035 3.3.14
  [TYPE.RP, [name, name]], //                                                             RFC 1183 2.2
  [TYPE.AFSDB, [u16('a subtype'), name]], //                                              RFC 1183 1
  [TYPE.AAAA, [ipv6]], //                                                                 RFC 3596 2.2
  [TYPE.LOC, [location]], //                                                              RFC 1876 2
  [TYPE.SRV, [u16('a priority'), u16('a weight'), u16('a port'), name]], //               RFC 2782
  [
    TYPE.NAPTR, //                                                                        RFC 3403 4.1
    [u16('an order'), u16('a preference'), string('flags'), string('services'), string('a regexp'), name],
  ],
  [TYPE.DNAME, [name]], //                                                                RFC 6672 2.1
  [TYPE.DS, DS], //                                                                       RFC 4034 5.1
  [TYPE.SSHFP, [u8('an algorithm'), u8('a fingerprint type'), SSHFP_DIGEST]], //          RFC 4255 3.1
  [TYPE.DNSKEY, DNSKEY], //                                                               RFC 4034 2.1
  [TYPE.TLSA, TLSA], //                                                                   RFC 6698 2.1
  [TYPE.SMIMEA, TLSA], //                                                                 RFC 8162 2
  [TYPE.CDS, DS], //                                                                     RFC 7344 3.1
  [TYPE.CDNSKEY, DNSKEY], //                                                              RFC 7344 3.2
  [TYPE.OPENPGPKEY, [base64('a key')]], //                                                RFC 7929 2.1
  [TYPE.CSYNC, [u32('a serial'), u16('flags'), typeBitmap]], //                           RFC 7477 2.1
  [
    TYPE.ZONEMD, //                                                                       RFC 8976 2.2
    [u32('a serial'), u8('a scheme'), u8('a hash algorithm'), ZONEMD_DIGEST],
  ],
  [TYPE.SVCB, SVCB], //                                                                   RFC 9460 2.1
  [TYPE.HTTPS, SVCB], //                                                                  RFC 9460 9
  [TYPE.SPF, [strings]], //                                                               RFC 7208 3.1
  [TYPE.URI, [u16('a priority'), u16('a weight'), rest('a target')]], //                  RFC 7553 4.5
  [TYPE.CAA, [u8('flags'), caaTag, rest('a value')]], //                                  RFC 8659 4.1
])

/** The fields of a type's rdata; undefined for a type whose rdata is only known as octets (RFC 3597). */
export function layoutOf(type: number): readonly RdataField[] | undefined {
  return LAYOUTS.get(type)
}
