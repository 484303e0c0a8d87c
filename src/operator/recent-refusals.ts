import { addressOctets, type Prefix, parsePrefix, prefixContains } from '../address/prefix.ts'

/** One request that was refused. */
export interface RefusedRequest {
  /** UTC seconds. */
  readonly time: number
  readonly codes: string[]
  readonly address: string
  readonly path: string
}

const MOST = 1000

/** The last refusals, for an operator who is asked 'why does it not take me?'. In memory alone. */
export class RecentRefusals {
  readonly #refusals: RefusedRequest[] = []

  note(refusal: RefusedRequest): void {
    this.#refusals.push(refusal)
    if (this.#refusals.length > MOST) this.#refusals.shift()
  }

  /** The newest last; only those with a code or from an address, or a prefix, if one is named. */
  matching({ code, address }: { readonly code?: string | undefined; readonly address?: string | undefined }) {
    const from = address === undefined ? undefined : parsePrefix(address)
    return this.#refusals.filter(
      refusal =>
        (code === undefined || refusal.codes.includes(code)) && (from === undefined || isFrom(from, refusal)),
    )
  }
}

function isFrom(prefix: Prefix, { address }: RefusedRequest): boolean {
  const octets = addressOctets(address)
  return octets !== undefined && prefixContains(prefix, octets)
}
