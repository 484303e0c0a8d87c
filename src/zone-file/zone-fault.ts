/** What becomes of a zone that has a record with a mistake: it is not served, or it is served without that record. */
export type OnError = 'refuse-zone' | 'skip-record'

/** How bad a fault is: the zone can't be served; it is served without the record; it is served as it is. */
type Severity = 'error' | 'skipped' | 'warning'

/** One thing that is wrong in a zone file. Lines and columns count from 1; 0 stands for the file or line as a whole. */
export interface ZoneFault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: Severity
  readonly message: string
}

/** A position in a zone file. */
export interface ZonePlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

const MAX_ERRORS = 100
const MAX_WARNINGS = 100
/** Each record that is left out has to be named; a file with more of them is no zone. */
const MAX_SKIPPED = 10_000

/** Collects what is wrong, up to a number that a person reads: a binary taken for a zone has a mistake in every line. */
export class FaultList {
  readonly faults: ZoneFault[] = []
  readonly #onError: OnError
  #errors = 0
  #skipped = 0
  #warnings = 0

  constructor(onError: OnError) {
    this.#onError = onError
  }

  get skipsRecords(): boolean {
    return this.#onError === 'skip-record'
  }

  /** Whether there are too many faults for reading on to be of any use. */
  get isFull(): boolean {
    return this.#errors > MAX_ERRORS || this.#skipped > MAX_SKIPPED
  }

  error(place: ZonePlace, message: string): void {
    this.#errors++
    if (this.#errors <= MAX_ERRORS) this.#add(place, 'error', message)
    if (this.#errors === MAX_ERRORS + 1)
      this.#add(place, 'error', `more than ${MAX_ERRORS} mistakes: no more are looked for`)
  }

  /** A mistake that spoils one record alone. */
  recordError(place: ZonePlace, message: string): void {
    if (this.#onError === 'refuse-zone') {
      this.error(place, message)
      return
    }
    this.#skipped++
    if (this.#skipped <= MAX_SKIPPED) this.#add(place, 'skipped', message)
    if (this.#skipped === MAX_SKIPPED + 1)
      this.error(place, `more than ${MAX_SKIPPED} records are wrong: no more are looked for`)
  }

  warning(place: ZonePlace, message: string): void {
    this.#warnings++
    if (this.#warnings <= MAX_WARNINGS) this.#add(place, 'warning', message)
    if (this.#warnings === MAX_WARNINGS + 1)
      this.#add(place, 'warning', 'more warnings follow that are not shown')
  }

  #add({ file, line, column }: ZonePlace, severity: Severity, message: string): void {
    this.faults.push({ file, line, column, severity, message })
  }
}

/** A fault as compilers write theirs, so that editors can jump to it. */
export function faultLine({ file, line, column, severity, message }: ZoneFault): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return `${place}: ${severity}: ${message}`
}
