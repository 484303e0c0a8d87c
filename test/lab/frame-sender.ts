/**
 * Sends frames straight onto one end of a veth, 64 a system call: what the call takes is what the kernel behind the other end
 * makes of them, in the same call. Takes CAP_NET_RAW.
 */
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { median } from '../../bench/statistics.ts'
import type { Libc } from '../../src/listen/libc.ts'
import {
  BATCH,
  HEAD_LENGTH,
  HEAD_WORDS,
  IOVEC,
  MMSGHDR,
  PART_LENGTH,
} from '../../src/listen/udp/socket-memory.ts'

const AF_PACKET = 17
const SOL_PACKET = 263
const PACKET_QDISC_BYPASS = 20
const FRAME_ROOM = 256
const ADDRESS_LENGTH = 20 // sockaddr_ll
const PARTS = BATCH * HEAD_LENGTH
const ADDRESS = PARTS + BATCH * PART_LENGTH
const FRAMES = ADDRESS + 64
const MEMORY_LENGTH = FRAMES + BATCH * FRAME_ROOM
const TWO_POW_32 = 0x1_0000_0000

/** Writes a frame, and returns its length in octets: 256 at most. */
export type FrameWriter = (frame: Uint8Array) => number

export class FrameSender {
  readonly #libc: Libc
  readonly #fd: number
  readonly #octets = new Uint8Array(MEMORY_LENGTH)
  readonly #words = new Int32Array(this.#octets.buffer)
  readonly #base: number

  constructor(libc: Libc, device: string) {
    this.#libc = libc
    this.#base = libc.addressOf(this.#octets)
    this.#fd = libc.rawSocket(AF_PACKET, 0)
    assert.ok(this.#fd >= 0, libc.errorName(libc.errno()))
    libc.setOption(this.#fd, SOL_PACKET, PACKET_QDISC_BYPASS, Uint32Array.of(1))
    this.#octets[ADDRESS] = AF_PACKET
    this.#words[(ADDRESS >> 2) + 1] = Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8'))
    for (let i = 0; i < BATCH; i++) this.#layOut(i)
  }

  /** Sends `count` frames, rounded up to whole batches; returns the median of what a frame of a batch took, in microseconds. */
  send(count: number, write: FrameWriter): number {
    const times: number[] = []
    for (let sent = 0; sent < count; sent += BATCH) {
      for (let i = 0; i < BATCH; i++) {
        const at = FRAMES + i * FRAME_ROOM
        this.#words[partOf(i) + IOVEC.length] = write(this.#octets.subarray(at, at + FRAME_ROOM))
      }
      const start = performance.now()
      const done = this.#libc.sendmmsg(this.#fd, this.#base, BATCH, 0)
      times.push(((performance.now() - start) * 1000) / BATCH)
      assert.equal(done, BATCH, this.#libc.errorName(this.#libc.errno()))
    }
    return median(times)
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  #layOut(index: number): void {
    const head = index * HEAD_WORDS
    this.#putPointer(head + MMSGHDR.name, ADDRESS)
    this.#words[head + MMSGHDR.nameLength] = ADDRESS_LENGTH
    this.#putPointer(head + MMSGHDR.parts, PARTS + index * PART_LENGTH)
    this.#words[head + MMSGHDR.partCount] = 1
    this.#putPointer(partOf(index) + IOVEC.base, FRAMES + index * FRAME_ROOM)
  }

  #putPointer(word: number, offset: number): void {
    const address = this.#base + offset
    this.#words[word] = (address % TWO_POW_32) | 0
    this.#words[word + 1] = Math.floor(address / TWO_POW_32)
  }
}

function partOf(index: number): number {
  return (PARTS + index * PART_LENGTH) >> 2
}
