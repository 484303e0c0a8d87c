import type { Log } from '../../shared/log.ts'
import type { BrokenRow, TunnelState } from '../../tunnel/tunnel.ts'
import type { Database } from './database.ts'

/** Rows that the log names at a time: where the configuration does not fit the table they may be all of it. */
const MOST_NAMED = 100

/** The function of SQL that tells whether the row with an id is among the broken ones, here of either sort. */
export const IS_BROKEN = 'is_broken'

/**
 * The broken rows that reads have met. Each is named in the log once, and again when it is broken otherwise. Those of a
 * kind that is not offered may be most of a large table, by the operator's wish: the log names the kind alone.
 */
export class BrokenRows {
  readonly #log: Log
  #hasToldOfMore = false
  readonly #byId = new Map<string, BrokenRow>()
  /** What they would be, by id. */
  readonly #unoffered = new Map<string, TunnelState>()
  readonly #toldKinds = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Lets statements of the database ask for IS_BROKEN. */
  teach(database: Database): void {
    database.define(IS_BROKEN, id => (this.has(String(id)) ? 1 : 0))
  }

  /** Without those of a kind that is not offered. */
  get size(): number {
    return this.#byId.size
  }

  get unoffered(): number {
    return this.#unoffered.size
  }

  get ids(): readonly string[] {
    return [...this.#byId.keys(), ...this.#unoffered.keys()]
  }

  /** What they would be if they were sound, as they were when they were met. */
  *states(): Generator<TunnelState> {
    for (const { state } of this.#byId.values()) yield state
    yield* this.#unoffered.values()
  }

  has(id: string): boolean {
    return this.#byId.has(id) || this.#unoffered.has(id)
  }

  note(row: BrokenRow): void {
    const { unofferedKind } = row
    if (unofferedKind === undefined) this.#noteBroken(row)
    else this.#noteUnoffered(row, unofferedKind)
  }

  #noteUnoffered({ id, state }: BrokenRow, kind: string): void {
    this.#byId.delete(id)
    this.#unoffered.set(id, state)
    if (this.#toldKinds.has(kind)) return
    this.#toldKinds.add(kind)
    this.#log.warn(
      { kind },
      'tunnels of a kind that is not among tunnel.kinds have no interface and no name: they are kept, and come back when it is',
    )
  }

  #noteBroken(row: BrokenRow): void {
    this.#unoffered.delete(row.id)
    const known = this.#byId.get(row.id)
    this.#byId.set(row.id, row)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(row)) return
    if (this.#byId.size > MOST_NAMED) this.#tellOfMore()
    else
      this.#log.error(
        { tunnel: row.id, reason: row.reason, columns: row.columns },
        'a row of the database is broken: it is left out until it is mended or deleted',
      )
  }

  #tellOfMore(): void {
    if (this.#hasToldOfMore) return
    this.#hasToldOfMore = true
    this.#log.error(
      { named: MOST_NAMED },
      'more rows of the database are broken than are named here: `tunnel list` names them all, and if the configuration was changed, they are sound again with the former one',
    )
  }

  /** Forgets a row that is gone or sound again. */
  forget(id: string): void {
    if (this.#byId.size > 0) this.#byId.delete(id)
    if (this.#unoffered.size > 0) this.#unoffered.delete(id)
  }
}
