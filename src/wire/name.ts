/**
 * Domain names as uncompressed wire labels (RFC 1035 3.1): a length octet and that many octets for each label, the
 * root's empty label last. Names are compared in this form, never as dotted text: a label may hold a dot.
 */

import { lowerCase, octet } from './octets.ts'

export const MAX_NAME_LENGTH = 255
export const MAX_LABEL_LENGTH = 63

const BACKSLASH = 0x5c
const DOT = 0x2e
/** A character that stands for no octet: cut down to one it would be another. */
const BEYOND_OCTETS = /[\u0100-\uffff]/

/**
 * Reads a name in master-file notation (RFC 1035 5.1): `\.` and `\DDD` escapes; a name without a final dot is
 * completed with `origin`, or with the root if none is given. Returns undefined if the text is not a name.
 */
export function parseName(text: string, origin?: Uint8Array): Uint8Array | undefined {
  if (text === '.') return Uint8Array.of(0)
  if (text === '@' && origin !== undefined) return origin
  if (text === '' || BEYOND_OCTETS.test(text)) return undefined
  const octets = Buffer.from(text, 'latin1')
  const out: number[] = []
  let label: number[] = []
  let absolute = false
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    absolute = octet === DOT
    if (octet === DOT) {
      if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
      out.push(label.length, ...label)
      label = []
      continue
    }
    if (octet !== BACKSLASH) {
      label.push(octet)
      continue
    }
    const escaped = unescapeOctet(octets, i + 1)
    if (escaped === undefined) return undefined
    label.push(escaped.octet)
    i += escaped.length
  }
  if (label.length > MAX_LABEL_LENGTH) return undefined
  if (label.length > 0) out.push(label.length, ...label)
  const suffix = absolute || origin === undefined ? [0] : origin
  if (out.length + suffix.length > MAX_NAME_LENGTH) return undefined
  return Uint8Array.from([...out, ...suffix])
}

function unescapeOctet(octets: Uint8Array, at: number): { octet: number; length: number } | undefined {
  const digits = Buffer.from(octets.subarray(at, at + 3)).toString('latin1')
  if (/^[0-9]/.test(digits)) {
    return /^[0-9]{3}$/.test(digits) && Number(digits) <= 255
      ? { octet: Number(digits), length: 3 }
      : undefined
  }
  const octet = octets[at]
  return octet === undefined ? undefined : { octet, length: 1 }
}

/** Writes a name in master-file notation with the final dot; octets that would not read back are escaped. */
export function formatName(name: Uint8Array): string {
  if (name[0] === 0) return '.'
  let text = ''
  for (let at = 0; (name[at] ?? 0) !== 0; at += (name[at] ?? 0) + 1) {
    for (const octet of name.subarray(at + 1, at + 1 + (name[at] ?? 0))) text += formatOctet(octet)
    text += '.'
  }
  return text
}

function formatOctet(octet: number): string {
  const character = String.fromCharCode(octet)
  if (/[."\\();@$]/.test(character)) return `\\${character}`
  return octet > 0x20 && octet < 0x7f ? character : `\\${String(octet).padStart(3, '0')}`
}

/** The same name with ASCII letters in lower case (RFC 4343 3); other octets stay. Length octets are below 'A'. */
export function lowerCaseName(name: Uint8Array): Uint8Array {
  const lowered = new Uint8Array(name.length)
  for (let at = 0; at < name.length; at++) lowered[at] = lowerCase(octet(name, at))
  return lowered
}
