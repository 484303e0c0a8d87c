import { typeText } from '../../src/wire/codes.ts'
import { formatName, lowerCaseName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/zone/rrset.ts'

/** A line for each record, its rdata as hex digits, sorted: equal for zones that hold the same. */
export function octetLines(rrsets: readonly Rrset[]): string[] {
  const lines = rrsets.flatMap(({ owner, ttl, type, rdatas }) =>
    rdatas.map(
      rdata =>
        `${formatName(lowerCaseName(owner))} ${ttl} ${typeText(type)} ${Buffer.from(rdata).toString('hex')}`,
    ),
  )
  return lines.sort()
}
