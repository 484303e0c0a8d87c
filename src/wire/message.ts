/** Where a message keeps what (RFC 1035 4.1), and how to step over names and records that a stranger wrote. */

import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from './name.ts'
import { octet, putUint16, uint16 } from './octets.ts'

export const HEADER_LENGTH = 12
export const MAX_MESSAGE_LENGTH = 0xffff

/** The two octets of flags, as one number. */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const
export const OPCODE_MASK = 0x7800

/** Offsets of the four counts in the header. */
export const COUNT = { QUESTION: 4, ANSWER: 6, AUTHORITY: 8, ADDITIONAL: 10 } as const

/** Fixed part of a record behind its owner: type, class, ttl, rdlength. */
export const RECORD_FIXED = 10

/** No honest message chains more pointers than this; with it the work on a name is bounded. */
const MAX_POINTERS = 16

export function flagsOf(message: Uint8Array): number {
  return uint16(message, 2)
}

export function opcodeOf(message: Uint8Array): number {
  return (octet(message, 2) >> 3) & 15
}

export function countOf(message: Uint8Array, section: number): number {
  return uint16(message, section)
}

export function putCount(message: Uint8Array, section: number, count: number): void {
  putUint16(message, section, count)
}

/**
 * Steps over the name in a question: labels only, as there is nothing before it that a pointer could point at.
 * Returns the offset behind it, 0 if it is malformed.
 */
export function skipQuestionName(message: Uint8Array, length: number, at: number): number {
  const start = at
  while (at < length) {
    const label = octet(message, at)
    if (label > MAX_LABEL_LENGTH) return 0
    at += label + 1
    if (at - start > MAX_NAME_LENGTH) return 0
    if (label === 0) return at <= length ? at : 0
  }
  return 0
}

/**
 * Steps over a name that may be compressed (RFC 1035 4.1.4), and follows it to its end: each pointer must point before
 * the part it ends, so there are no loops, and the whole may not exceed 255 octets. Returns the offset behind it, 0
 * if it is malformed.
 */
export function skipName(message: Uint8Array, length: number, at: number): number {
  let behind = 0
  let part = at
  let expanded = 0
  let pointers = 0
  while (at < length) {
    const label = octet(message, at)
    if (label <= MAX_LABEL_LENGTH) {
      expanded += label + 1
      at += label + 1
      if (expanded > MAX_NAME_LENGTH || at > length) return 0
      if (label === 0) return behind === 0 ? at : behind
      continue
    }
    if (label < 0xc0 || at + 2 > length || ++pointers > MAX_POINTERS) return 0
    const target = uint16(message, at) & 0x3fff
    if (target >= part || target < HEADER_LENGTH) return 0
    if (behind === 0) behind = at + 2
    part = target
    at = target
  }
  return 0
}
