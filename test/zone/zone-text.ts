import assert from 'node:assert/strict'
import { formatRdata } from '../../src/text/rdata.ts'
import { typeText } from '../../src/wire/codes.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import type { ZoneFault } from '../../src/zone-file/zone-fault.ts'

/** The name that a test writes; the test fails where it is none. */
export function nameOf(text: string): Uint8Array {
  const name = parseName(text)
  assert.ok(name, text)
  return name
}

/** Records as lines, in the order of the rrsets. */
export function recordLines(rrsets: readonly Rrset[]): string[] {
  return rrsets.flatMap(({ owner, ttl, type, rdatas }) =>
    rdatas.map(rdata => `${formatName(owner)} ${ttl} ${typeText(type)} ${formatRdata(type, rdata)}`),
  )
}

/** Faults as `line:column severity message`. */
export function faultLines(faults: readonly ZoneFault[]): string[] {
  return faults.map(({ line, column, severity, message }) => `${line}:${column} ${severity} ${message}`)
}
