/**
 * Reads tries out of the shared buffer: numbers in, numbers out, no lock and no allocation, so that any thread that
 * holds the buffer can do it.
 *
 * A trie is a qp-trie over the nibbles of name keys. A node is a cell of two words:
 *
 *              31              16 15               0
 *     branch   │ index of nibble │ bitmap           │ twigs: offset of the children's cells
 *     leaf     │ 0                                  │ offset of an entry; 0: the trie is empty
 *
 * Bit n of the bitmap is set if a key below has nibble n at `index`; the children lie side by side in the order of their
 * nibbles. With the names b.a. (key 61 00 62 00), c.a. (61 00 63 00) and a. (61 00):
 *
 *     cell     branch: nibble 4, bits 0 and 6
 *                 │
 *     twigs    [ bit 0: leaf a. ][ bit 6: branch: nibble 5, bits 2 and 3 ]
 *                                                │
 *     twigs                         [ bit 2: leaf b.a. ][ bit 3: leaf c.a. ]
 *
 * Nibbles that all keys below a branch share are skipped, so an empty non-terminal costs nothing: without its leaf, a.
 * is a place inside the edge to b.a. and c.a.
 *
 * On the way down to b.a. the ancestor a. is seen in passing: its key ends where a branch looks, so behind its end it
 * reads 0, and it is the twig for bit 0 beside the one that the way goes on by.
 */
import { octet } from '../wire/octets.ts'
import { sameOctets } from '../wire/wire-name.ts'
import { GENERATION_WORD, ROOT_WORD } from './arena.ts'
import { countLabels, type NameKey } from './name-key.ts'
import { nameAt, nameLength } from './owner-entry.ts'

const MAX_LABELS = 128

export class TableReader {
  readonly buffer: SharedArrayBuffer
  words: Int32Array
  octets: Uint8Array
  /** The catalog's cell in the version that is being read. */
  root = 0

  // What the last `find` saw.
  /** Entry of the very name; 0: it has none. */
  exact = 0
  /** Labels of the closest name that exists, be it an empty non-terminal: the closest encloser (RFC 4592 2.2.1). */
  encloserLabels = 0
  /** How many entries stand strictly above the name; they are listed from the root down. */
  ancestors = 0
  readonly ancestorEntries = new Int32Array(MAX_LABELS)
  readonly ancestorLabels = new Uint8Array(MAX_LABELS)
  readonly #starts = new Uint8Array(MAX_LABELS)

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.words = new Int32Array(buffer, 0, buffer.byteLength / 4)
    this.octets = new Uint8Array(buffer, 0, buffer.byteLength)
    this.refresh()
  }

  /** Moves to the newest version. Everything read until the next call is of that one version. */
  refresh(): void {
    this.root = Atomics.load(this.words, ROOT_WORD)
    if (this.buffer.byteLength === this.octets.length) return
    this.words = new Int32Array(this.buffer, 0, this.buffer.byteLength / 4)
    this.octets = new Uint8Array(this.buffer, 0, this.buffer.byteLength)
    this.root = Atomics.load(this.words, ROOT_WORD)
  }

  /** The newest generation that has been published. */
  generation(): number {
    return Atomics.load(this.words, GENERATION_WORD)
  }

  /** Looks for the name in the trie of `cell`: one way down, whatever the outcome. */
  find(cell: number, key: NameKey, name: Uint8Array, at: number): void {
    this.exact = 0
    this.ancestors = 0
    this.encloserLabels = 0
    const entry = this.#descend(cell, key)
    if (entry === 0) return
    if (this.#isName(entry, key, name, at)) {
      this.exact = entry
      this.encloserLabels = key.labels
      return
    }
    this.#measure(entry, key, name, at)
  }

  /** Follows the key, or any twig where its own is missing: no other leaf shares more with the key than this one. */
  #descend(cell: number, key: NameKey): number {
    const words = this.words
    let head = words[cell] ?? 0
    while (head !== 0) {
      const index = head >>> 16
      const nibble = key.nibble(index)
      const twigs = words[cell + 1] ?? 0
      if (nibble !== 0 && (head & 1) !== 0) this.#noteAncestor(twigs, index, key)
      const bit = 1 << nibble
      cell = (head & bit) === 0 ? twigs : twigs + 2 * popcount(head & (bit - 1))
      head = words[cell] ?? 0
    }
    return words[cell + 1] ?? 0
  }

  /**
   * The key goes on where another one may have ended: a label boundary with a twig for zero. That other one belongs to
   * the name's own ancestor, if it ends right there.
   */
  #noteAncestor(twigs: number, index: number, key: NameKey): void {
    const at = index >> 1
    if (at >= key.length || (at > 0 && octet(key.octets, at - 1) !== 0)) return
    let cell = twigs
    const head = this.words[cell] ?? 0
    if (head !== 0) {
      if (head >>> 16 !== index + 1 || (index & 1) !== 0 || (head & 1) === 0) return
      cell = this.words[cell + 1] ?? 0
      if ((this.words[cell] ?? 0) !== 0) return
    }
    const entry = this.words[cell + 1] ?? 0
    const labels = labelsEndingAt(key, at)
    if (nameLength(this.words, entry) !== key.wireLength(labels) || this.#isLastAncestor(entry)) return
    this.#addAncestor(entry, labels)
  }

  #isLastAncestor(entry: number): boolean {
    return this.ancestors > 0 && this.ancestorEntries[this.ancestors - 1] === entry
  }

  #isName(entry: number, key: NameKey, name: Uint8Array, at: number): boolean {
    const length = nameLength(this.words, entry)
    return length === key.wireLength(key.labels) && sameOctets(this.octets, nameAt(entry), name, at, length)
  }

  /** How many labels the name shares with the leaf that shares most, and so which ancestors are really its own. */
  #measure(entry: number, key: NameKey, name: Uint8Array, at: number): void {
    const owner = nameAt(entry)
    const labels = countLabels(this.octets, owner)
    if (labels < key.labels && this.#isAncestor(entry, labels, key, name, at)) {
      this.encloserLabels = labels
      if (!this.#isLastAncestor(entry)) this.#addAncestor(entry, labels)
      return
    }
    for (let n = labels, start = 0; n >= 0; n--) {
      this.#starts[n] = start
      start += octet(this.octets, owner + start) + 1
    }
    let shared = 0
    const most = Math.min(labels, key.labels)
    while (shared < most) {
      const label = owner + octet(this.#starts, shared + 1)
      if (!this.#isSameLabel(label, name, at + key.start(shared + 1))) break
      shared++
    }
    this.encloserLabels = shared
    while (this.ancestors > 0 && octet(this.ancestorLabels, this.ancestors - 1) > shared) this.ancestors--
  }

  /** Does the name end in the entry's whole name, which has `labels` labels? The common case, for the apex of a zone. */
  #isAncestor(entry: number, labels: number, key: NameKey, name: Uint8Array, at: number): boolean {
    const length = nameLength(this.words, entry)
    return (
      length === key.wireLength(labels) &&
      sameOctets(this.octets, nameAt(entry), name, at + key.start(labels), length)
    )
  }

  #addAncestor(entry: number, labels: number): void {
    this.ancestorEntries[this.ancestors] = entry
    this.ancestorLabels[this.ancestors] = labels
    this.ancestors++
  }

  #isSameLabel(start: number, name: Uint8Array, nameStart: number): boolean {
    const length = octet(this.octets, start)
    return (
      length === octet(name, nameStart) && sameOctets(this.octets, start + 1, name, nameStart + 1, length)
    )
  }
}

/** Number of bits set among the lowest 16. */
export function popcount(bits: number): number {
  bits -= (bits >> 1) & 0x5555
  bits = (bits & 0x3333) + ((bits >> 2) & 0x3333)
  bits = (bits + (bits >> 4)) & 0x0f0f
  return (bits + (bits >> 8)) & 0x1f
}

function labelsEndingAt(key: NameKey, end: number): number {
  let labels = 0
  while ((key.ends[labels] ?? 0) < end) labels++
  return labels
}
