import { formatName, lowerCaseName, parseName } from '../wire/name.ts'
import { NOT_SHOWN } from './mistakes.ts'
import type { ConfigValues } from './schema.ts'

const PEER = 'key:'
/** Sixteen octets in base64, or more. */
const SECRET = /^[A-Za-z0-9+/]{20,}={0,2}$/

/** Finds TSIG keys that are there twice, and uses of a key that is not there. */
export function keyMistakes({ dns }: ConfigValues): string[] {
  const names = dns.keys.map(key => formatName(key.name))
  const known = (text: string) => {
    const name = parseName(text)
    return name !== undefined && names.includes(formatName(lowerCaseName(name)))
  }
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  const strangers = dns.secondaries.flatMap(({ key }) =>
    key === undefined || known(key) ? [] : [shown(key)],
  )
  const peers = dns.allow_transfer.flatMap(peer =>
    typeof peer === 'string' && !known(peer.slice(PEER.length)) ? [shown(peer.slice(PEER.length))] : [],
  )
  return [
    ...[...twice].map(name => `dns.keys.name = "${name}": another dns.keys entry has this name`),
    ...strangers.map(key => `dns.secondaries.key = "${key}": no dns.keys entry has this name`),
    ...peers.map(key => `dns.allow_transfer = "${PEER}${key}": no dns.keys entry has this name`),
  ]
}

/** A name of a key, unless it looks like the secret itself. */
function shown(name: string): string {
  return SECRET.test(name) ? NOT_SHOWN : name
}
