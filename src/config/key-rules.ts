import { formatName, lowerCaseName, parseName } from '../wire/name.ts'
import type { ConfigValues } from './schema.ts'

/** Finds TSIG keys that are there twice, and uses of a key that is not there. */
export function keyMistakes({ dns }: ConfigValues): string[] {
  const names = dns.keys.map(key => formatName(key.name))
  const known = (text: string) => {
    const name = parseName(text)
    return name !== undefined && names.includes(formatName(lowerCaseName(name)))
  }
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  const strangers = dns.secondaries.flatMap(({ key }) => (key === undefined || known(key) ? [] : [key]))
  const peers = dns.allow_transfer.filter(peer => typeof peer === 'string' && !known(peer.slice(4)))
  return [
    ...[...twice].map(name => `dns.keys.name = "${name}": another dns.keys entry has this name`),
    ...strangers.map(key => `dns.secondaries.key = "${key}": no dns.keys entry has this name`),
    ...peers.map(peer => `dns.allow_transfer = "${peer}": no dns.keys entry has this name`),
  ]
}
