import { lowerCaseName } from '../wire/name.ts'
import type { Rrset } from './rrset.ts'
import type { RrsetChange } from './rrset-change.ts'

/** What makes the static rrsets of a zone `after` out of `before`; dynamic ones stay, unless one stands in the way. */
export function staticChanges(before: readonly Rrset[], after: readonly Rrset[]): readonly RrsetChange[] {
  const standing = new Map(before.map(rrset => [keyOfRrset(rrset), rrset]))
  const wanted = new Set(after.map(keyOfRrset))
  const puts = after.filter(rrset => !isSameData(standing.get(keyOfRrset(rrset)), rrset))
  const removals = before.filter(rrset => !wanted.has(keyOfRrset(rrset)))
  return [
    ...removals.map(({ owner, type }): RrsetChange => ({ kind: 'remove', owner, type })),
    ...puts.map((rrset): RrsetChange => ({ kind: 'put', rrset })),
  ]
}

function keyOfRrset({ owner, type }: Rrset): string {
  return `${type} ${Buffer.from(lowerCaseName(owner)).toString('latin1')}`
}

function isSameData(a: Rrset | undefined, b: Rrset): boolean {
  if (a?.ttl !== b.ttl || a.rdatas.length !== b.rdatas.length) return false
  return a.rdatas.every((rdata, index) => Buffer.compare(rdata, b.rdatas[index] ?? new Uint8Array()) === 0)
}
