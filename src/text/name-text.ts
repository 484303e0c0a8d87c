import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../wire/name.ts'
import type { OctetWriter } from '../wire/octet-writer.ts'
import { unescapeAt } from './escape.ts'
import type { TokenLine } from './token-line.ts'

const AT = 0x40
const BACKSLASH = 0x5c
const DOT = 0x2e

/**
 * Writes the name that the next token spells (RFC 1035 5.1): `@` is the origin, a name without a final dot is completed
 * with it. Straight from the octets: a zone of a million records has two million names.
 */
export function writeName(tokens: TokenLine, out: OctetWriter): boolean {
  const { octets, origin, start, end } = tokens
  if (!tokens.hasMore || start === end) return tokens.expected('a name')
  const begin = out.length
  const isDot = end - start === 1 && octets[start] === DOT
  const isAt = end - start === 1 && octets[start] === AT
  const isAbsolute = isDot || (!isAt && writeLabels(tokens, out))
  if (tokens.message !== '') return false
  if (isAbsolute) out.u8(0)
  else if (origin === undefined) return tokens.refuse(`${tokens.shown()} is relative, and there is no origin`)
  else out.put(origin)
  if (out.length - begin > MAX_NAME_LENGTH) return tokens.refuse('the name is longer than 255 octets')
  tokens.index++
  return true
}

/** Writes the labels, each behind its length. Returns whether a dot ends them. */
function writeLabels(tokens: TokenLine, out: OctetWriter): boolean {
  const { octets, start, end } = tokens
  const begin = out.length
  let lengthAt = begin
  out.u8(0)
  for (let at = start; at < end; at++) {
    let octet = octets[at] ?? 0
    if (octet === DOT) {
      if (!closeLabel(tokens, out, lengthAt)) return false
      if (at === end - 1) return true
      lengthAt = out.length
      out.u8(0)
      continue
    }
    if (octet === BACKSLASH) {
      const escaped = unescapeAt(octets, at, end)
      if (escaped === undefined) return tokens.refuse('\\ needs three digits up to 255, or another character')
      octet = escaped.octet
      at += escaped.length - 1
    }
    out.u8(octet)
    if (out.length - begin > MAX_NAME_LENGTH) return tokens.refuse('the name is longer than 255 octets')
  }
  closeLabel(tokens, out, lengthAt)
  return false
}

function closeLabel(tokens: TokenLine, out: OctetWriter, lengthAt: number): boolean {
  const length = out.length - lengthAt - 1
  if (length === 0) return tokens.refuse(`${tokens.shown()} has an empty label`)
  if (length > MAX_LABEL_LENGTH) return tokens.refuse('a label is longer than 63 octets')
  out.octets[lengthAt] = length
  return true
}
