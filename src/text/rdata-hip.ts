import { base64Octets, hexOctets } from './rdata-binary.ts'
import { plainName, type RdataField, u8 } from './rdata-field.ts'

const MAX_TAG_LENGTH = 255
const MAX_KEY_LENGTH = 65_535

/**
 * A host identity (RFC 8005 5, 6): algorithm, tag, key, rendezvous servers. The whole rdata is one field, for on the
 * wire both lengths come before what they measure.
 */
export const hostIdentity: RdataField = {
  parse(tokens, out) {
    const lengthAt = out.length
    out.u8(0)
    if (!u8('an algorithm').parse(tokens, out)) return false
    const tag = hexOctets(tokens.text())
    if (tag === undefined || tag.length > MAX_TAG_LENGTH)
      return tokens.expected('a host identity tag in hex digits')
    tokens.index++
    const key = base64Octets(tokens.text())
    if (key === undefined || key.length > MAX_KEY_LENGTH) return tokens.expected('a key in base64, one word')
    tokens.index++
    out.octets[lengthAt] = tag.length
    out.u16(key.length)
    out.put(tag)
    out.put(key)
    while (tokens.hasMore) if (!plainName.parse(tokens, out)) return false
    return true
  },
  format: rdata => {
    const tagLength = rdata.takeNumber(1) ?? 0
    const algorithm = rdata.takeNumber(1)
    const keyLength = rdata.takeNumber(2) ?? 0
    const tag = rdata.take(tagLength)
    const key = rdata.take(keyLength)
    if (tag === undefined || key === undefined || tagLength === 0 || keyLength === 0) return undefined
    const texts: (string | undefined)[] = [
      algorithm?.toString(),
      Buffer.from(tag).toString('hex').toUpperCase(),
      Buffer.from(key).toString('base64'),
    ]
    while (rdata.left > 0 && !texts.includes(undefined)) texts.push(plainName.format(rdata))
    return texts.includes(undefined) ? undefined : texts.join(' ')
  },
}
