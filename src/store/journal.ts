import type { ZoneDifference } from '../zone/zone-difference.ts'

/** The log of committed differences, as those read it who follow the zones: it outlives the process. */
export interface JournalReader {
  /** Whether there is one. */
  readonly isKept: boolean
  /**
   * The steps from the contents with serial `from` to those with serial `to`, one after the other. Undefined: not all of
   * them are kept. Each is read when it is asked for; if it was trimmed meanwhile, that throws JournalTrimmed.
   */
  since(
    apex: Uint8Array,
    serials: { readonly from: number; readonly to: number },
  ): Iterator<ZoneDifference, undefined> | undefined
  /** Octets that all steps take. */
  readonly bytes: number
}

/** A step that was still to be read is no longer kept. */
export class JournalTrimmed extends Error {
  readonly code = 'journal-trimmed'
}

export const NO_JOURNAL: JournalReader = { isKept: false, since: () => undefined, bytes: 0 }
