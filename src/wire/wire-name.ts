/** Compares uncompressed names where they lie, without a copy. ASCII letters match in either case (RFC 4343). */
import { lowerCase, octet } from './octets.ts'

/** Octets of the valid name at `at`, its root label included. */
export function wireNameLength(octets: Uint8Array, at: number): number {
  let end = at
  while (octet(octets, end) !== 0) end += octet(octets, end) + 1
  return end + 1 - at
}

/** Are the two names the same? */
export function isSameName(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  const length = wireNameLength(a, aAt)
  return length === wireNameLength(b, bAt) && sameOctets(a, aAt, b, bAt, length)
}

/** Is the first name the second one, or below it? */
export function isAtOrBelow(name: Uint8Array, at: number, top: Uint8Array, topAt: number): boolean {
  const topLength = wireNameLength(top, topAt)
  let left = wireNameLength(name, at)
  while (left > topLength) {
    left -= octet(name, at) + 1
    at += octet(name, at) + 1
  }
  return left === topLength && sameOctets(name, at, top, topAt, topLength)
}

/** Do the two names differ in their last label already, so that no part of them is the same? */
export function isUnrelated(name: Uint8Array, at: number, other: Uint8Array, otherAt: number): boolean {
  const top = topLabel(name, at)
  const otherTop = topLabel(other, otherAt)
  const length = octet(name, top) + 1
  return !sameOctets(name, top, other, otherTop, length)
}

/** Where the last label before the root begins; the root's own place if there is none. */
function topLabel(name: Uint8Array, at: number): number {
  let top = at
  for (let next = at; octet(name, next) !== 0; next += octet(name, next) + 1) top = next
  return top
}

/** The same octets but for the case of letters? Length octets are below the letters, so they compare as they are. */
export function sameOctets(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const left = octet(a, aAt + i)
    const right = octet(b, bAt + i)
    if (left !== right && lowerCase(left) !== lowerCase(right)) return false
  }
  return true
}
