import { createSecretKey, type KeyObject } from 'node:crypto'
import { parseName } from '../wire/name.ts'
import { TSIG_ALGORITHMS, type TsigKey } from './tsig-key.ts'

/** A key made ready: what is looked for in a TSIG, and what its MAC is made with. */
export interface Signer {
  readonly name: Uint8Array
  readonly algorithm: Uint8Array
  readonly hash: string
  readonly macLength: number
  readonly secret: KeyObject
}

/** Makes keys ready to sign with. */
export function signersOf(keys: readonly TsigKey[]): readonly Signer[] {
  return keys.map(signerOf)
}

function signerOf({ name, algorithm, secret }: TsigKey): Signer {
  const algorithmName = parseName(algorithm) ?? new Uint8Array(0)
  return { name, algorithm: algorithmName, ...TSIG_ALGORITHMS[algorithm], secret: createSecretKey(secret) }
}
