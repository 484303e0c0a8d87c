import { SECRET_LENGTH } from '../wire/cookie.ts'

/** A power of two, and enough that the current secret, the one before and the next never share a place. */
const PLACES = 4
const EPOCH_LENGTH = 16

/**
 * The secrets that server cookies are made with, in memory that all engines share:
 *
 *     0    epoch, a word: the current secret is in place `epoch & 3`, the previous one in `(epoch - 1) & 3`
 *     16   four places of 16 octets
 *
 * A new secret is written where nobody reads, and then one store moves the epoch: nobody ever sees half of one.
 */
export class CookieSecrets {
  readonly buffer: SharedArrayBuffer
  readonly #epoch: Int32Array
  readonly #octets: Uint8Array
  readonly #places: readonly Uint8Array[]

  constructor(buffer = new SharedArrayBuffer(EPOCH_LENGTH + PLACES * SECRET_LENGTH)) {
    this.buffer = buffer
    this.#epoch = new Int32Array(buffer, 0, 1)
    this.#octets = new Uint8Array(buffer, EPOCH_LENGTH)
    this.#places = Array.from({ length: PLACES }, (_, place) =>
      this.#octets.subarray(place * SECRET_LENGTH, (place + 1) * SECRET_LENGTH),
    )
  }

  get epoch(): number {
    return Atomics.load(this.#epoch, 0)
  }

  /** The secret of an epoch: the present one or the one before. */
  secret(epoch: number): Uint8Array {
    return this.#places[epoch & (PLACES - 1)] ?? this.#octets
  }

  /** Makes cookies with this secret from now on; those made with the one before are still taken (RFC 9018 5). */
  roll(secret: Uint8Array): void {
    const next = (this.epoch + 1) | 0
    this.secret(next).set(secret)
    Atomics.store(this.#epoch, 0, next)
  }
}
