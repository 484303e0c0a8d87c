import { formatRdata } from '../../src/text/rdata.ts'
import { CLASS, typeText } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import type { WireRecord } from '../wire-reader.ts'

/** A record as text: equal for records that are the same. */
export function recordText({ owner, class: qclass, ttl, type, rdata }: WireRecord): string {
  const odd = qclass === CLASS.IN ? '' : ` CLASS${qclass}`
  return `${formatName(owner)} ${ttl}${odd} ${typeText(type)} ${formatRdata(type, rdata)}`
}
