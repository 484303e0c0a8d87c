import { formatName } from './wire/name.ts'
import { keyOf } from './zone-apexes.ts'

/** What a reload took, and what it left as it was and why: a line each. */
export interface ReloadReport {
  readonly taken: string[]
  readonly kept: string[]
}

/** Which zone each file of zones_dir gives, as it is served, and what is wrong with those whose zone is not. */
export class ZoneFileBook {
  readonly #apexes = new Map<string, Uint8Array>()
  /** Zones that a file gave before it gave another one, by the keys of their apexes. */
  readonly #left = new Map<string, { readonly apex: Uint8Array; readonly file: string }>()
  /** Files whose zone could not be taken, and the first thing that is wrong with each. */
  readonly #failed = new Map<string, string>()
  /** New files that came to nothing: no zone is served, or SERVFAIL, for them. */
  readonly #unclaimed = new Set<string>()

  /** Zones that files gave before the start and that none gives now, by the keys of their apexes, with a line each. */
  readonly #missed = new Map<string, string>()

  /** One line for each file whose zone is not served as the file has it, and for each zone whose file is missed. */
  get failures(): readonly string[] {
    return [...this.#failed.values(), ...this.#missed.values()]
  }

  /** The zones that files give. */
  get apexes(): Iterable<Uint8Array> {
    return this.#apexes.values()
  }

  /** The files that give them. */
  get files(): Iterable<string> {
    return this.#apexes.keys()
  }

  /** The zone that a file gives; undefined: it gave none so far. */
  apexOf(file: string): Uint8Array | undefined {
    return this.#apexes.get(file)
  }

  /** The zone is served as the file has it. */
  take(file: string, apex: Uint8Array): void {
    const former = this.#apexes.get(file)
    if (former !== undefined) this.#left.set(keyOf(former), { apex: former, file })
    this.#apexes.set(file, apex)
    this.#missed.delete(keyOf(apex))
    this.#failed.delete(file)
    this.#unclaimed.delete(file)
  }

  /** What the file gave before, if anything, is served as it was. */
  fail(file: string, line: string): void {
    this.#failed.set(file, line)
  }

  /** A file gave the zone before the start. */
  miss(apex: Uint8Array, line: string): void {
    this.#missed.set(keyOf(apex), line)
  }

  /** No zone is served for a file that failed, nor SERVFAIL: nothing is lost when it goes. */
  noteUnclaimed(file: string): void {
    this.#unclaimed.add(file)
  }

  /** Tells which files are gone, and whose zones have no file any more. A file that was renamed is another one. */
  tellAbsent(files: ReadonlySet<string>, report: ReloadReport): void {
    for (const file of new Set([...this.#apexes.keys(), ...this.#failed.keys()]))
      if (!files.has(file)) this.#tellGone(file, { files, report })
    report.kept.push(...this.#missed.values())
    for (const apex of this.#apexes.values()) this.#left.delete(keyOf(apex))
    for (const { apex, file } of this.#left.values())
      report.kept.push(
        `${file}: gives ${formatName(apex)} no more; it is served as it was until freenet6 is restarted`,
      )
  }

  #tellGone(
    file: string,
    { files, report }: { readonly files: ReadonlySet<string>; readonly report: ReloadReport },
  ): void {
    const apex = this.#apexes.get(file)
    if (apex === undefined && this.#unclaimed.delete(file)) {
      this.#failed.delete(file)
      return
    }
    if (apex === undefined) {
      const line = `${file}: is gone; its zone is SERVFAIL until freenet6 is restarted`
      this.#failed.set(file, line)
      report.kept.push(line)
      return
    }
    const isGiven = ([other, of]: readonly [string, Uint8Array]) =>
      files.has(other) && keyOf(of) === keyOf(apex)
    if ([...this.#apexes].some(isGiven)) {
      this.#apexes.delete(file)
      this.#failed.delete(file)
    } else report.kept.push(`${file}: is gone; its zone is served until freenet6 is restarted`)
  }
}

/** Zones that files of a folder gave. */
export interface FormerZones {
  readonly dir: string
  readonly zones: readonly string[]
}

/** Says where the files of zones that are missed were, up to what they gave. */
export function whatIsMissed(dir: string, former: string): string {
  if (dir === former) return 'has no zone file any more, and one'
  return `is not there, and zones_dir was ${former} before, where a file`
}
