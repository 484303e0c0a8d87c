import { TYPE } from '../wire/codes.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import type { Rrset } from '../zone/rrset.ts'

/** Seconds. */
const NODE_TTL = 3600
const WILDCARD = '*'

/**
 * A marker for each country that has no data of its own in a zone, so that its name exists before its first tunnel: a
 * resolver that was told that there is no `ca.<origin>` may hold that there is nothing below it either (RFC 8020 2).
 *
 * Where a wildcard stands below the apex every country's name is answered by it, and where a DNAME stands at the apex all
 * names lie elsewhere: none is added there.
 */
export function countryNodes(
  apex: Uint8Array,
  rrsets: readonly Rrset[],
  countries: readonly { readonly code: string; readonly name: string }[],
): readonly Rrset[] {
  const taken = new Set<string>()
  for (const { owner, type } of rrsets) {
    if (owner.length === apex.length) {
      if (type === TYPE.DNAME) return []
    } else taken.add(topLabel(owner, apex))
  }
  if (taken.has(WILDCARD)) return []
  return countries.filter(({ code }) => !taken.has(code)).map(country => marker(apex, country))
}

function marker(apex: Uint8Array, { code, name }: { readonly code: string; readonly name: string }): Rrset {
  const label = Buffer.from(code)
  const text = Buffer.from(`freenet6: tunnels in ${name}`)
  return {
    owner: Buffer.concat([Uint8Array.of(label.length), label, apex]),
    type: TYPE.TXT,
    ttl: NODE_TTL,
    rdatas: [Buffer.concat([Uint8Array.of(text.length), text])],
  }
}

/** The label of an owner that is next to the apex, in lower case; empty for an owner that does not lie below it. */
function topLabel(owner: Uint8Array, apex: Uint8Array): string {
  if (!isAtOrBelow(owner, 0, apex, 0)) return ''
  let at = 0
  for (let next = 0; next < owner.length - apex.length; next += (owner[next] ?? 0) + 1) at = next
  const label = owner.subarray(at + 1, at + 1 + (owner[at] ?? 0))
  return Buffer.from(label).toString('latin1').toLowerCase()
}
