import { hash, randomFillSync, timingSafeEqual } from 'node:crypto'

const KEY_OCTETS = 16 // 128 bits from the system's generator
const ID_LENGTH = 12
const ID_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789' // without letters that are read as others

/** Random octets are fetched from the system in pools of this size: a call costs as much as all else of a key. */
const POOL_OCTETS = 4096
/** Octets from here on would make the alphabet's first letters likelier. */
const FAIR_OCTETS = 256 - (256 % ID_ALPHABET.length)

const pool = new Uint8Array(POOL_OCTETS)
let used = POOL_OCTETS

/** A new key: 32 hexadecimal digits. It is shown once and never stored. */
export function newKey(): string {
  return Buffer.from(Uint8Array.from({ length: KEY_OCTETS }, randomOctet)).toString('hex')
}

/** A new id: random, so that it says nothing about the number or the order of tunnels. */
export function newId(): string {
  return randomLetters(ID_LENGTH)
}

/** Random letters and digits that are not read as others. */
export function randomLetters(count: number): string {
  let text = ''
  while (text.length < count) {
    const octet = randomOctet()
    if (octet < FAIR_OCTETS) text += ID_ALPHABET[octet % ID_ALPHABET.length]
  }
  return text
}

/** From the system's generator; each is given out once, and not kept. */
function randomOctet(): number {
  if (used === POOL_OCTETS) {
    randomFillSync(pool)
    used = 0
  }
  const octet = pool[used] ?? 0
  pool[used++] = 0
  return octet
}

const KEY = /^[0-9a-f]{32}$/
/** What gets between and around the digits of a key that was copied: spaces, line ends, quotes, and what nobody sees. */
const PASTED_ALONG = /[\p{White_Space}\p{Punctuation}\p{Format}]+/gu

/** A key as a person has typed or pasted it; undefined: it is none. */
export function typedKey(text: string): string | undefined {
  const key = text.replaceAll(PASTED_ALONG, '').toLowerCase()
  return KEY.test(key) ? key : undefined
}

/** What is stored of a key. A plain hash suffices: the key has 128 random bits, there is no dictionary to try. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** Compares a key with a stored hash in constant time; a stored value of another length matches nothing. */
export function matchesHash(key: string, stored: Uint8Array): boolean {
  const own = hashKey(key)
  return stored.length === own.length && timingSafeEqual(own, stored)
}
