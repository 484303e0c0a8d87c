import type { Libc } from '../libc.ts'

/*
 *     pollfd   0 fd 4 | 4 events wished 2 | 6 events seen 2      8 octets
 */
export const POLLFD_WORDS = 2

/** Waits until one of several sockets is ready. */
export class PollSet {
  readonly #libc: Libc
  readonly #words: Int32Array
  readonly #base: number
  readonly #count: number

  constructor(libc: Libc, fds: readonly number[], events: number) {
    this.#libc = libc
    this.#count = fds.length
    this.#words = new Int32Array(new ArrayBuffer(Math.max(fds.length, 16) * POLLFD_WORDS * 4))
    for (const [i, fd] of fds.entries()) {
      this.#words[i * POLLFD_WORDS] = fd
      this.#words[i * POLLFD_WORDS + 1] = events
    }
    this.#base = libc.addressOf(new Uint8Array(this.#words.buffer))
  }

  /** Returns when a socket is ready, after `milliseconds` at the latest. */
  wait(milliseconds: number): void {
    this.#libc.poll(this.#base, this.#count, milliseconds)
  }
}
