import { generateKeyPairSync } from 'node:crypto'

/** A public key as `wg pubkey` writes one; nobody has its secret. */
export function newPublicKey(): string {
  const { x = '' } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  return Buffer.from(x, 'base64url').toString('base64')
}
