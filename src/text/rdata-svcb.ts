import { OctetWriter } from '../wire/octet-writer.ts'
import { writeUnescaped } from './escape.ts'
import type { RdataField } from './rdata-field.ts'
import {
  isNumbered,
  mandatoryKeys,
  numberedValue,
  SVC_KEY,
  svcKey,
  svcKeyText,
  svcValue,
} from './svc-param.ts'
import type { TokenLine } from './token-line.ts'

const EQUALS = 0x3d

/** The service parameters of SVCB and HTTPS (RFC 9460 2.1): in any order in text, by rising key on the wire. */
export const svcParams: RdataField = {
  parse(tokens, out) {
    const first = tokens.index
    const values = new Map<number, Uint8Array>()
    while (tokens.hasMore) {
      if (!parseParam(tokens, values)) return false
    }
    const conflict = conflictIn(values)
    if (conflict !== undefined) {
      tokens.index = first
      return tokens.refuse(conflict)
    }
    for (const [key, value] of [...values].sort(([a], [b]) => a - b)) {
      out.u16(key)
      out.u16(value.length)
      out.put(value)
    }
    return true
  },
  format(rdata) {
    const texts: string[] = []
    const values = new Map<number, Uint8Array>()
    let previous = -1
    while (rdata.left > 0) {
      const key = rdata.takeNumber(2) ?? 0
      const value = rdata.take(rdata.takeNumber(2) ?? Number.POSITIVE_INFINITY)
      const text = value === undefined ? undefined : svcValue(key).format(value)
      if (key <= previous || value === undefined || text === undefined) return undefined
      texts.push(text === '' ? svcKeyText(key) : `${svcKeyText(key)}=${text}`)
      values.set(key, value)
      previous = key
    }
    return conflictIn(values) === undefined ? texts.join(' ') : undefined
  },
}

/** Reads `key`, `key=value` or `key="value"`; the quoted value is a token of its own right behind the `=`. */
function parseParam(tokens: TokenLine, values: Map<number, Uint8Array>): boolean {
  const { octets, start, end } = tokens
  const equals = octets.subarray(start, end).indexOf(EQUALS)
  const nameEnd = equals < 0 ? end : start + equals
  const keyText = octets.toString('latin1', start, nameEnd)
  const key = svcKey(keyText)
  if (key === undefined) return tokens.expected('a service parameter')
  if (values.has(key)) return tokens.refuse(`${svcKeyText(key)} stands here twice`)
  const isSplit = nameEnd === end - 1 && tokens.isQuoteNext
  if (isSplit) tokens.index++
  const text = equals < 0 ? undefined : unescaped(tokens, isSplit ? tokens.start : nameEnd + 1)
  if (text === 'bad escape') return tokens.refuse('\\ needs three digits up to 255, or another character')
  const { parse, expected } = isNumbered(keyText) ? numberedValue(key) : svcValue(key)
  const value = parse(text)
  if (value === undefined || value.length > 65_535)
    return tokens.expected(`${expected} for ${svcKeyText(key)}`)
  values.set(key, value)
  tokens.index++
  return true
}

function unescaped(tokens: TokenLine, from: number): Buffer | 'bad escape' {
  const value = new OctetWriter(Math.max(0, tokens.end - from))
  return writeUnescaped(tokens.octets, from, tokens.end, value) ? Buffer.from(value.copy()) : 'bad escape'
}

/** RFC 9460 7.1.1: no-default-alpn needs alpn. RFC 9460 8: every mandatory key must be there. */
function conflictIn(values: ReadonlyMap<number, Uint8Array>): string | undefined {
  if (values.has(SVC_KEY['no-default-alpn']) && !values.has(SVC_KEY.alpn)) return 'no-default-alpn needs alpn'
  const missing = mandatoryKeys(values.get(SVC_KEY.mandatory) ?? new Uint8Array(0)).find(
    key => !values.has(key),
  )
  return missing === undefined ? undefined : `${svcKeyText(missing)} is mandatory and not there`
}
