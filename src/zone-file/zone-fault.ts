/** One thing that is wrong in a zone file. Lines and columns count from 1; 0 stands for the file or line as a whole. */
export interface ZoneFault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
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

/** Collects what is wrong, up to a number that a person reads: a binary taken for a zone has a mistake in every line. */
export class FaultList {
  readonly faults: ZoneFault[] = []
  #errors = 0
  #warnings = 0

  /** So much is wrong that reading on is of no use. */
  get isFull(): boolean {
    return this.#errors > MAX_ERRORS
  }

  error(place: ZonePlace, message: string): void {
    this.#errors++
    if (this.#errors <= MAX_ERRORS) this.#add(place, 'error', message)
    if (this.#errors === MAX_ERRORS + 1)
      this.#add(place, 'error', `more than ${MAX_ERRORS} mistakes: no more are looked for`)
  }

  warning(place: ZonePlace, message: string): void {
    this.#warnings++
    if (this.#warnings <= MAX_WARNINGS) this.#add(place, 'warning', message)
    if (this.#warnings === MAX_WARNINGS + 1)
      this.#add(place, 'warning', 'more warnings follow that are not shown')
  }

  #add({ file, line, column }: ZonePlace, severity: 'error' | 'warning', message: string): void {
    this.faults.push({ file, line, column, severity, message })
  }
}

/** A fault as compilers write theirs, so that editors can jump to it. */
export function faultLine({ file, line, column, severity, message }: ZoneFault): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return `${place}: ${severity}: ${message}`
}
