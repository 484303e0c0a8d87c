/** The catalog zone (RFC 9432): a zone whose records list zones, so that secondaries need no list of their own. */
import { createHash } from 'node:crypto'
import { TYPE } from '../wire/codes.ts'
import { putUint32 } from '../wire/octets.ts'
import type { Rrset } from './rrset.ts'

/** RFC 9432 4.1: what a TTL of this zone says nobody needs. */
const TTL = 0
/** Serial, refresh, retry, expire and minimum; the serial is counted on by whoever serves the zone. */
const SOA_NUMBERS = [1, 3600, 600, 2_147_483_646, 0]
/** RFC 9432 4.1: "a single NS RR with an NSDNAME value of invalid. is RECOMMENDED". */
const INVALID = labels('invalid')
/** RFC 9432 4.2.1: the version of the format. */
const VERSION = Uint8Array.of(1, 0x32)
/** Letters of the label that stands for a member: as many as no two members share. */
const LABEL_LENGTH = 32

/** The records of the catalog zone at `apex` for these zones; all names in wire form and lower case. */
export function catalogZone(apex: Uint8Array, members: readonly Uint8Array[]): readonly Rrset[] {
  const soa = new Uint8Array(2 * (INVALID.length + 1) + 4 * SOA_NUMBERS.length)
  soa.set([...INVALID, 0, ...INVALID, 0])
  for (const [i, value] of SOA_NUMBERS.entries())
    putUint32(soa, soa.length - 4 * (SOA_NUMBERS.length - i), value)
  const record = (owner: Uint8Array, type: number, rdata: Uint8Array) => ({
    owner,
    type,
    ttl: TTL,
    rdatas: [rdata],
  })
  return [
    record(apex, TYPE.SOA, soa),
    record(apex, TYPE.NS, Uint8Array.of(...INVALID, 0)),
    record(Uint8Array.of(...labels('version'), ...apex), TYPE.TXT, VERSION),
    ...members.map(member =>
      record(Uint8Array.of(...labels(labelOf(member), 'zones'), ...apex), TYPE.PTR, member),
    ),
  ]
}

/** RFC 9432 4.3: a member keeps its label, or a secondary would take it for another zone of the same name. */
function labelOf(member: Uint8Array): string {
  return createHash('sha256').update(member).digest('hex').slice(0, LABEL_LENGTH)
}

function labels(...texts: readonly string[]): readonly number[] {
  return texts.flatMap(text => [text.length, ...Buffer.from(text, 'latin1')])
}
