import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

const STANDARD_ERROR = 2

/** Takes octets at once and says how many. Never waits; throws what the system says. */
type Sink = (octets: Uint8Array) => number

/**
 * Standard error as the log writes it: a line that can't be written at once is dropped and counted. A disk that is full
 * or a pipe that nobody reads is no reason for the service to wait or to end.
 */
export class LogOutput {
  /** Lines that were dropped. */
  dropped = 0
  readonly #sink: Sink
  /** The end of a line of which the beginning was taken: it goes first, so that lines stay whole. */
  #rest: Uint8Array = new Uint8Array()

  constructor(fd: number = STANDARD_ERROR) {
    this.#sink = sinkOf(fd)
  }

  /** `line` has its line end. */
  write(line: string): void {
    this.#rest = this.#written(this.#rest) ?? this.#rest
    if (this.#rest.length > 0) {
      this.dropped++
      return
    }
    const octets = Buffer.from(line)
    const rest = this.#written(octets)
    if (rest === undefined || rest.length === octets.length) this.dropped++
    else this.#rest = rest
  }

  /** What was not taken; undefined if the system refused it all. */
  #written(octets: Uint8Array): Uint8Array | undefined {
    if (octets.length === 0) return octets
    try {
      return octets.subarray(this.#sink(octets))
    } catch {
      return undefined // EAGAIN: nobody reads; ENOSPC: no room; EPIPE: the reader has gone
    }
  }
}

function sinkOf(fd: number): Sink {
  // A file takes what it has room for. A pipe or a terminal is opened anew: ours does not wait, and others are left alone.
  const own = fstatSync(fd).isFile() ? fd : (reopened(fd) ?? madeNonBlocking(fd))
  return octets => writeSync(own, octets)
}

function reopened(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}

/**
 * A socket, such as that of systemd's journal, can't be opened anew. Node makes it non-blocking where it makes a Socket
 * of it; nothing is written through that one, because what it has not sent would keep the process from ending.
 */
function madeNonBlocking(fd: number): number {
  new Socket({ fd, readable: false, writable: true }).on('error', () => undefined).unref()
  return fd
}
