/** Walks a trie in the canonical order of names (RFC 4034 6.1): the order of zone transfers. */
import { firstDifference, NameKey } from './name-key.ts'
import { nameAt } from './owner-entry.ts'
import { popcount, type TableReader } from './table-reader.ts'

/**
 * Yields the entries of the trie of `cell` in canonical order, only those after `after` if it is given; `after` itself
 * need not exist. Take all you need before the table is changed again.
 */
export function* entriesAfter(reader: TableReader, cell: number, after?: Uint8Array): Generator<number> {
  const pending = after === undefined ? [cell] : cellsAfter(reader, cell, after)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const head = reader.words[next] ?? 0
    const below = reader.words[next + 1] ?? 0
    if (head !== 0) {
      for (let i = popcount(head & 0xffff) - 1; i >= 0; i--) pending.push(below + 2 * i)
    } else if (below !== 0) yield below
  }
}

/**
 * The cell that everything at and below the key's name hangs on: its key begins all of theirs. The name exists, be it an
 * empty non-terminal.
 */
export function subtreeCell(reader: TableReader, cell: number, key: NameKey): number {
  for (;;) {
    const head = reader.words[cell] ?? 0
    const index = head >>> 16
    if (head === 0 || index >= 2 * key.length) return cell
    const twigs = reader.words[cell + 1] ?? 0
    cell = twigs + 2 * popcount(head & ((1 << key.nibble(index)) - 1))
  }
}

/** The roots of all that comes after a name, the first of them last. */
function cellsAfter(reader: TableReader, cell: number, after: Uint8Array): number[] {
  const key = new NameKey()
  key.set(after, 0)
  const nearest = nearestEntry(reader, cell, key)
  if (nearest === 0) return []
  const other = new NameKey()
  other.set(reader.octets, nameAt(nearest))
  const difference = firstDifference(key, other) ?? Number.POSITIVE_INFINITY

  const cells: number[] = []
  for (;;) {
    const head = reader.words[cell] ?? 0
    const index = head >>> 16
    if (head === 0 || index > difference) break
    const twigs = reader.words[cell + 1] ?? 0
    const bit = 1 << key.nibble(index)
    const before = popcount(head & (bit - 1))
    const here = (head & bit) === 0 ? 0 : 1
    for (let i = popcount(head & 0xffff) - 1; i >= before + here; i--) cells.push(twigs + 2 * i)
    if (here === 0) return cells
    cell = twigs + 2 * before
  }
  // What is left shares its first nibbles with `nearest`: all of it comes before the name, or all of it after.
  if (difference !== Number.POSITIVE_INFINITY && other.nibble(difference) > key.nibble(difference))
    cells.push(cell)
  return cells
}

function nearestEntry(reader: TableReader, cell: number, key: NameKey): number {
  for (;;) {
    const head = reader.words[cell] ?? 0
    const below = reader.words[cell + 1] ?? 0
    if (head === 0) return below
    const bit = 1 << key.nibble(head >>> 16)
    cell = (head & bit) === 0 ? below : below + 2 * popcount(head & (bit - 1))
  }
}
