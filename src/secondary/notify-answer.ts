import type { ReplySignature } from '../engine/signed-request.ts'
import { RCODE, rcodeText } from '../wire/codes.ts'
import { TSIG_ERROR } from '../wire/tsig.ts'
import { textOfClock } from './clock-text.ts'

/** What a secondary has said to a NOTIFY. */
export interface NotifyAnswer {
  readonly rcode: number
  /** Undefined: the NOTIFY was not signed, so the answer need not be. */
  readonly signature: ReplySignature | undefined
  /** When it came, in UTC seconds. */
  readonly seconds: number
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TSIG_ERROR).map(([name, code]) => [code, name]),
)
const REASONS: ReadonlyMap<number, string> = new Map([
  [TSIG_ERROR.BADKEY, 'it has no key of this name and algorithm'],
  [TSIG_ERROR.BADSIG, 'it has another secret'],
  [TSIG_ERROR.BADTRUNC, 'it takes no signature of this length'],
])

/** What goes on: told and done, refused, or to be told again, as it did not take the signature or may not be who it says. */
export function outcomeOf({ rcode, signature }: NotifyAnswer): 'acknowledged' | 'refused' | 'unbelieved' {
  if (signature !== undefined && (!signature.isGood || signature.error !== TSIG_ERROR.NONE))
    return 'unbelieved'
  return rcode === RCODE.NOERROR ? 'acknowledged' : 'refused'
}

/** Is it an error that is sure to be meant for us? One that nobody signed may be anybody's. */
export function isRefusal(answer: NotifyAnswer): boolean {
  return outcomeOf(answer) === 'refused' || (answer.signature?.error ?? TSIG_ERROR.NONE) !== TSIG_ERROR.NONE
}

/** The same of two answers that say the same, whatever their time. */
export function kindOf({ rcode, signature }: NotifyAnswer): string {
  const error = NAMES.get(signature?.error ?? TSIG_ERROR.NONE)
  return error === undefined || error === 'NONE' ? rcodeText(rcode) : `${rcodeText(rcode)} (${error})`
}

/** The answer in words, with what is amiss: a wrong key and a wrong clock are both NOTAUTH. */
export function textOf(answer: NotifyAnswer): string {
  const { signature, seconds } = answer
  const kind = kindOf(answer)
  if (signature === undefined) return kind
  if (signature.error === TSIG_ERROR.BADTIME) return `${kind}: ${textOfTime(signature.serverTime, seconds)}`
  const reason = REASONS.get(signature.error)
  if (reason !== undefined) return `${kind}: ${reason}`
  if (signature.isGood) return kind
  const guess = answer.rcode === RCODE.NOERROR ? '' : ': it may not have this zone' // Knot DNS and NSD sign no such answer
  return `${kind}, not signed as it must be${guess}`
}

function textOfTime(itsTime: number | undefined, ours: number): string {
  if (itsTime === undefined || itsTime === ours) return 'its clock and ours differ'
  return `its clock is ${textOfClock(itsTime - ours)}`
}
