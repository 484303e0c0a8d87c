import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

const KEY_OCTETS = 16 // 128 bits from the system's generator
const ID_LENGTH = 12
const ID_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789' // without letters that are read as others

/** A new key: 32 hexadecimal digits. It is shown once and never stored. */
export function newKey(): string {
  return randomBytes(KEY_OCTETS).toString('hex')
}

/** A new id: random, so that it says nothing about the number or the order of tunnels. */
export function newId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join('')
}

/** What is stored of a key. A plain hash suffices: the key has 128 random bits, there is no dictionary to try. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest()
}

/** Compares a key with a stored hash in constant time; a stored value of another length matches nothing. */
export function matchesHash(key: string, hash: Uint8Array): boolean {
  const own = hashKey(key)
  return hash.length === own.length && timingSafeEqual(own, hash)
}
