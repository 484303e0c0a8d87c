/**
 * A name as a string of octets whose plain order is the canonical order of names (RFC 4034 6.1): labels from the root
 * down, in lower case, each closed by a zero.
 *
 *     wire     3 w w w  7 E x a m p l e  0
 *              ▲        ▲                ▲
 *     start(2) ┘        └ start(1)       └ start(0)
 *
 *     key      e x a m p l e 0  w w w 0
 *                              ▲       ▲
 *                      ends[1] ┘       └ ends[2] = length
 *
 * Octets 0 and 1 inside a label become 1 1 and 1 2, so a zero is always a label's end: `a\000b` stays one label.
 * Behind its end a key reads as zeros, and no label begins with one: the key of a name begins the keys of all names
 * below it, and sorts before them.
 */
import { MAX_NAME_LENGTH } from '../wire/name.ts'
import { lowerCase, octet } from '../wire/octets.ts'

const MAX_LABELS = 128

export class NameKey {
  readonly octets = new Uint8Array(2 * MAX_NAME_LENGTH + 2)
  length = 0
  /** Labels, the root not counted. */
  labels = 0
  /** `ends[n]` is where the key of the name's last n labels ends. */
  readonly ends = new Uint16Array(MAX_LABELS)
  /** Where each label starts in the wire form, counted from the name's first octet, the root's label last. */
  readonly #starts = new Uint8Array(MAX_LABELS)

  /** Takes the valid uncompressed name that starts at `at`. Each query and change does so: fields are read once, nothing is called. */
  set(name: Uint8Array, at: number): void {
    const { octets, ends } = this
    const starts = this.#starts
    let labels = 0
    let start = 0
    for (let length = octet(name, at); length !== 0; length = octet(name, at + start)) {
      starts[labels++] = start
      start += length + 1
    }
    starts[labels] = start
    let to = 0
    for (let n = 1; n <= labels; n++) {
      const label = at + octet(starts, labels - n)
      const end = label + octet(name, label)
      for (let i = label + 1; i <= end; i++) {
        const value = lowerCase(octet(name, i))
        if (value < 2) octets[to++] = 1
        octets[to++] = value < 2 ? value + 1 : value
      }
      octets[to++] = 0
      ends[n] = to
    }
    this.labels = labels
    this.length = to
  }

  /** Where the wire form of the name's last `labels` labels starts, counted from the name's first octet. */
  start(labels: number): number {
    return octet(this.#starts, this.labels - labels)
  }

  /** Octets of the wire form of the name's last `labels` labels, the root's included. */
  wireLength(labels: number): number {
    return octet(this.#starts, this.labels) + 1 - this.start(labels)
  }

  /** Four bits of the key, counted from its start. */
  nibble(index: number): number {
    const at = index >> 1
    if (at >= this.length) return 0
    const value = octet(this.octets, at)
    return (index & 1) === 0 ? value >> 4 : value & 15
  }
}

/** Labels of a valid uncompressed name, the root not counted. */
export function countLabels(name: Uint8Array, at: number): number {
  let labels = 0
  for (let start = at; octet(name, start) !== 0; start += octet(name, start) + 1) labels++
  return labels
}

/** Where two keys first differ, in nibbles; undefined if they are equal. */
export function firstDifference(a: NameKey, b: NameKey): number | undefined {
  const length = Math.max(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = at < a.length ? octet(a.octets, at) : 0
    const right = at < b.length ? octet(b.octets, at) : 0
    if (left !== right) return left >> 4 === right >> 4 ? 2 * at + 1 : 2 * at
  }
  return a.length === b.length ? undefined : 2 * length
}
