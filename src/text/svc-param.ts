import { formatIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { addressOctets } from '../address/prefix.ts'
import { uint16, uint32 } from '../wire/octets.ts'
import { quoted } from './escape.ts'
import { base64Octets } from './rdata-binary.ts'

/** Keys of service parameters with a format of their own (RFC 9460 14.3.2, RFC 9461 5, RFC 9540 4). */
export const SVC_KEY = {
  mandatory: 0,
  alpn: 1,
  'no-default-alpn': 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
  ohttp: 8,
} as const

const KEY_NAME = new Map<number, string>(Object.entries(SVC_KEY).map(([name, key]) => [key, name]))
/** A map and no object: `constructor` is no key of ours. */
const KEY_BY_NAME = new Map<string, number>(Object.entries(SVC_KEY))
const COMMA = 0x2c
const BACKSLASH = 0x5c

/** How the value of one key is read and written. Values are octets: the escapes of the master file are undone. */
interface SvcValue {
  readonly expected: string
  /** Undefined if the text is no value of this key; `undefined` as text means that there is none. */
  parse(text: Buffer | undefined): Uint8Array | undefined
  format(value: Uint8Array): string | undefined
}

const NO_VALUE: SvcValue = {
  expected: 'no value',
  parse: text => (text === undefined || text.length === 0 ? new Uint8Array(0) : undefined),
  format: value => (value.length === 0 ? '' : undefined),
}

const OPAQUE: SvcValue = {
  expected: 'a value',
  parse: text => text ?? new Uint8Array(0),
  format: value => (value.length === 0 ? '' : quoted(value)),
}

const PORT: SvcValue = {
  expected: 'a port from 0 to 65535',
  parse(text) {
    const port = /^[0-9]{1,5}$/.test(text?.toString('latin1') ?? '') ? Number(text) : 65_536
    return port > 65_535 ? undefined : Uint8Array.of(port >> 8, port & 255)
  },
  format: value => (value.length === 2 ? uint16(value, 0).toString() : undefined),
}

const ECH: SvcValue = {
  expected: 'base64',
  parse: text => base64Octets(text?.toString('latin1') ?? ''),
  format: value => (value.length === 0 ? undefined : Buffer.from(value).toString('base64')),
}

const DOHPATH: SvcValue = {
  expected: 'a URI template with the variable dns', // RFC 9461 5: relative, in UTF-8
  parse: text => (text !== undefined && hasDnsVariable(text) ? text : undefined),
  format: value => (hasDnsVariable(value) ? quoted(value) : undefined),
}

const MANDATORY: SvcValue = {
  expected: 'keys, each once, not mandatory itself',
  parse(text) {
    if (text === undefined) return undefined // RFC 9460 8: one key at least
    const names = text.toString('latin1').split(',')
    const keys = names.map(svcKey).filter(key => key !== undefined)
    const isSet = new Set(keys).size === names.length
    if (!isSet || keys.includes(SVC_KEY.mandatory)) return undefined // RFC 9460 8
    return Uint8Array.from(keys.sort((a, b) => a - b).flatMap(key => [key >> 8, key & 255]))
  },
  format(value) {
    const keys = mandatoryKeys(value)
    const isRising = keys.every((key, index) => key > (keys[index - 1] ?? SVC_KEY.mandatory))
    return value.length > 0 && value.length % 2 === 0 && isRising ? keys.map(svcKeyText).join(',') : undefined
  },
}

const ALPN: SvcValue = {
  expected: 'protocol ids of 1 to 255 octets',
  parse(text) {
    const ids = text === undefined ? [] : splitAtCommas(text)
    if (ids.length === 0 || ids.some(id => id.length === 0 || id.length > 255)) return undefined
    return Uint8Array.from(ids.flatMap(id => [id.length, ...id]))
  },
  format(value) {
    const ids: number[] = []
    for (let at = 0; at < value.length; at += 1 + (value[at] ?? 0)) {
      const length = value[at] ?? 0
      if (length === 0 || at + 1 + length > value.length) return undefined
      if (at > 0) ids.push(COMMA)
      for (const octet of value.subarray(at + 1, at + 1 + length)) {
        if (octet === COMMA || octet === BACKSLASH) ids.push(BACKSLASH) // RFC 9460 A.1
        ids.push(octet)
      }
    }
    return value.length === 0 ? undefined : quoted(Uint8Array.from(ids))
  },
}

const VALUES = new Map<number, SvcValue>([
  [SVC_KEY.mandatory, MANDATORY],
  [SVC_KEY.alpn, ALPN],
  [SVC_KEY['no-default-alpn'], NO_VALUE],
  [SVC_KEY.port, PORT],
  [SVC_KEY.ipv4hint, hints(4, octets => formatIpv4(uint32(octets, 0)))],
  [SVC_KEY.ech, ECH],
  [SVC_KEY.ipv6hint, hints(16, formatIpv6)],
  [SVC_KEY.dohpath, DOHPATH],
  [SVC_KEY.ohttp, NO_VALUE],
])

/** Whether a key is written as `keyNNNNN`. */
export function isNumbered(text: string): boolean {
  return !KEY_BY_NAME.has(text)
}

/** Reads a key's name or `keyNNNNN` (RFC 9460 2.1). */
export function svcKey(text: string): number | undefined {
  const known = KEY_BY_NAME.get(text)
  if (known !== undefined) return known
  const generic = /^key(0|[1-9][0-9]{0,4})$/.exec(text)?.[1]
  return generic !== undefined && Number(generic) <= 65_535 ? Number(generic) : undefined
}

export function svcKeyText(key: number): string {
  return KEY_NAME.get(key) ?? `key${key}`
}

/** How a value is read behind `keyNNNNN` (RFC 9460 2.1): as the octets themselves, which the key must be able to have. */
export function numberedValue(key: number): SvcValue {
  const { expected, format } = svcValue(key)
  return {
    expected: `octets that are ${expected}`,
    parse(text) {
      const value = OPAQUE.parse(text)
      return value === undefined || format(value) === undefined ? undefined : value
    },
    format,
  }
}

/** The value format of a key; any octets where the key is not known. */
export function svcValue(key: number): SvcValue {
  return VALUES.get(key) ?? OPAQUE
}

/** The keys that the value of `mandatory` lists. */
export function mandatoryKeys(value: Uint8Array): number[] {
  return Array.from({ length: value.length >> 1 }, (_, index) => uint16(value, 2 * index))
}

function hasDnsVariable(template: Uint8Array): boolean {
  return /[{?&,]dns[,}]/.test(Buffer.from(template).toString('latin1'))
}

function hints(length: 4 | 16, formatOne: (octets: Uint8Array) => string): SvcValue {
  return {
    expected: length === 4 ? 'IPv4 addresses' : 'IPv6 addresses',
    parse(text) {
      const addresses = (text?.toString('latin1') ?? '').split(',').map(addressOctets)
      const octets = addresses
        .filter(address => address?.length === length)
        .flatMap(address => [...(address ?? [])])
      return octets.length === addresses.length * length ? Uint8Array.from(octets) : undefined
    },
    format(value) {
      if (value.length === 0 || value.length % length !== 0) return undefined
      const texts: string[] = []
      for (let at = 0; at < value.length; at += length) texts.push(formatOne(value.subarray(at, at + length)))
      return texts.join(',')
    },
  }
}

/** Splits a value list; `\,` and `\\` stand for a comma and a backslash inside an item (RFC 9460 A.1). */
function splitAtCommas(text: Buffer): number[][] {
  let item: number[] = []
  const items = [item]
  for (let at = 0; at < text.length; at++) {
    let octet = text[at] ?? 0
    if (octet === COMMA) {
      item = []
      items.push(item)
      continue
    }
    if (octet === BACKSLASH && at + 1 < text.length) octet = text[++at] ?? 0
    item.push(octet)
  }
  return items
}
