const MOST = 40

/** What was found wrong, each once, and counts of what was done. */
export class Findings {
  readonly #wrong = new Set<string>()
  readonly #counts = new Map<string, number>()

  get wrong(): readonly string[] {
    return [...this.#wrong].slice(0, MOST)
  }

  add(what: string): void {
    if (!this.#wrong.has(what)) process.stdout.write(`WRONG ${what}\n`)
    this.#wrong.add(what)
  }

  count(what: string): void {
    this.#counts.set(what, this.of(what) + 1)
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0
  }

  account(): string {
    return [...this.#counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${what}: ${count}`)
      .join(', ')
  }
}
