import { lowerCaseName } from '../wire/name.ts'
import type { Rrset } from './rrset.ts'

/** One rrset of a commit, as it was and as it is. Undefined: there was none, or there is none. */
export interface RrsetDifference {
  readonly owner: Uint8Array
  readonly type: number
  readonly before?: Rrset
  readonly after?: Rrset
}

interface Touched {
  readonly owner: Uint8Array
  readonly type: number
  readonly before: Rrset | undefined
  after: Rrset | undefined
}

/** Condenses the steps of a commit: each rrset counts once, as it was before the first step and after the last. */
export class DifferenceLog {
  readonly #touched = new Map<string, Touched>()

  note(owner: Uint8Array, type: number, before: Rrset | undefined, after: Rrset | undefined): void {
    const key = `${type} ${Buffer.from(lowerCaseName(owner)).toString('latin1')}`
    const touched = this.#touched.get(key)
    if (touched === undefined) this.#touched.set(key, { owner, type, before, after })
    else touched.after = after
  }

  /** What differs after all steps, in the order of the first steps. */
  differences(): readonly RrsetDifference[] {
    const differences: RrsetDifference[] = []
    for (const { owner, type, before, after } of this.#touched.values()) {
      if (isSame(before, after)) continue
      differences.push({ owner, type, ...(before && { before }), ...(after && { after }) })
    }
    return differences
  }
}

function isSame(before: Rrset | undefined, after: Rrset | undefined): boolean {
  if (before === undefined || after === undefined) return before === after
  return (
    before.ttl === after.ttl &&
    before.rdatas.length === after.rdatas.length &&
    before.rdatas.every((rdata, i) => isSameRdata(rdata, after.rdatas[i]))
  )
}

function isSameRdata(rdata: Uint8Array, other: Uint8Array | undefined): boolean {
  return rdata.length === other?.length && rdata.every((value, i) => value === other[i])
}
