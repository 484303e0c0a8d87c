import { formatIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import type { RefusedTransfer } from '../engine/refused-transfer.ts'
import type { Log } from '../shared/log.ts'
import { formatName } from '../wire/name.ts'
import { TSIG_ERROR } from '../wire/tsig.ts'
import { textOfClock } from './clock-text.ts'

/** The same refusal is told once in this time, in milliseconds. */
const PAUSE_MS = 3_600_000
/** Refusals told in that time: whoever asks from many addresses fills no log. */
const MOST = 100

const REASONS: ReadonlyMap<number, string> = new Map([
  [TSIG_ERROR.NONE, 'neither its address nor its key is among dns.allow_transfer'],
  [TSIG_ERROR.BADKEY, 'no key of dns.keys has this name and algorithm'],
  [TSIG_ERROR.BADSIG, 'it is signed with another secret than that of dns.keys'],
  [TSIG_ERROR.BADTIME, 'it came a second time, or after one that its key has signed later'],
  [TSIG_ERROR.BADTRUNC, 'its signature is too short'],
])
const WRONG_CLOCK = 'its clock and ours are further apart than the signature allows'
const UNREADABLE = 'its signature can not be read'

/**
 * Says in the log which secondaries are refused, and why: they themselves know no more than NOTAUTH or REFUSED. Most ask for
 * the SOA first, and for no transfer if that is refused. Of strangers without a key nothing is said; they try everywhere.
 */
export class TransferWarnings {
  readonly #log: Log
  readonly #now: () => number
  /** When each was told last, the longest ago first. */
  readonly #told = new Map<string, number>()

  /** `now`: milliseconds since some moment. */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  /** `isKnown`: it comes from where a secondary is, or has the name of a key. By UDP anybody may say that he has one. */
  note(refused: RefusedTransfer, { isKnown }: { readonly isKnown: boolean }): void {
    const { apex, address, keyName, tsigError, secondsAhead, transport } = refused
    if (!isKnown && (keyName === undefined || transport === 'udp')) return
    const facts = {
      address: address.length === 4 ? formatIpv4(Buffer.from(address).readUInt32BE()) : formatIpv6(address),
      zone: formatName(apex),
      ...(keyName === undefined ? {} : { key: formatName(keyName) }),
      reason: secondsAhead === undefined ? (REASONS.get(tsigError) ?? UNREADABLE) : WRONG_CLOCK,
    }
    // Whoever forges addresses over UDP and knows the name of a key gets one line for it, and keeps nobody else's out.
    const same = transport === 'udp' && keyName !== undefined ? { ...facts, address: '' } : facts
    if (!this.#isNew(Object.values(same).join(' '))) return
    const clock = secondsAhead === undefined ? {} : { clock: textOfClock(secondsAhead) }
    this.#log.warn({ ...facts, ...clock }, 'a zone transfer is refused')
  }

  #isNew(refusal: string): boolean {
    const now = this.#now()
    for (const [told, at] of this.#told) {
      if (now - at < PAUSE_MS) break
      this.#told.delete(told)
    }
    if (this.#told.has(refusal) || this.#told.size >= MOST) return false
    this.#told.set(refusal, now)
    return true
  }
}
