import type { ZonePlace } from './zone-fault.ts'

/** Where each rrset of a zone begins, by its number: for the checks that come after the reading. */
export class PlaceList {
  readonly #files: string[] = []
  readonly #lines: number[] = []

  add(file: string, line: number): void {
    this.#files.push(file)
    this.#lines.push(line)
  }

  at(index: number): ZonePlace | undefined {
    const file = this.#files[index]
    return file === undefined ? undefined : { file, line: this.#lines[index] ?? 0, column: 1 }
  }
}
