/** A UDP socket that takes up to 64 datagrams with one system call and sends their replies with another. */

import type { Client } from '../../engine/client.ts'
import { copyOctets } from '../../wire/octets.ts'
import { ERRNO, type Libc, MSG_DONTWAIT, POLLOUT } from '../libc.ts'
import type { UdpCounts } from './dgram-listener.ts'
import { CONTROL_ROOM, turnAround } from './packet-info.ts'
import { PollSet } from './poll-set.ts'
import {
  ADDRESS_ROOM,
  addressAt,
  IPV4_ADDRESS_LENGTH,
  IPV6_ADDRESS_LENGTH,
  portAt,
} from './socket-address.ts'
import {
  BATCH,
  CONTROLS,
  HEAD_LENGTH,
  HEAD_WORDS,
  IOVEC,
  LONGEST_QUERY,
  MEMORY_LENGTH,
  MMSGHDR,
  PART_LENGTH,
  PART_WORDS,
  QUERIES,
  QUERY_HEADS,
  QUERY_PARTS,
  QUERY_STRIDE,
  REPLIES,
  REPLY_HEADS,
  REPLY_PARTS,
  REPLY_STRIDE,
  SOURCES,
} from './socket-memory.ts'

const TWO_POW_32 = 0x1_0000_0000

/** How long a full send queue is waited for. What it does not take then is dropped: the client asks again. */
const SEND_PATIENCE_MS = 5

/** A bound UDP socket that somebody else owns. With more than one in a loop, they do not block. */
export interface BoundSocket {
  readonly fd: number
  readonly family: 4 | 6
  readonly isWildcard: boolean
}

export class BatchSocket {
  readonly fd: number
  /** The datagrams of the last `receive`, each in a room of its own; their lengths are told by `queryLength`. */
  readonly queries: readonly Uint8Array[]
  /** Rooms for replies, used from the front: see `nextReply`. */
  readonly #replies: readonly Uint8Array[]
  readonly #libc: Libc
  readonly #octets = new Uint8Array(MEMORY_LENGTH)
  readonly #words = new Int32Array(this.#octets.buffer)
  readonly #base: number
  readonly #addressLength: 4 | 16
  readonly #addressAt: number
  readonly #writable: PollSet
  readonly #family: 4 | 6
  readonly #isWildcard: boolean
  #queued = 0
  #received = 0

  /** Takes a bound socket over; closing it stays the owner's business. */
  constructor(libc: Libc, { fd, family, isWildcard }: BoundSocket) {
    this.fd = fd
    this.#libc = libc
    this.#base = libc.addressOf(this.#octets)
    libc.adviseHugePages(this.#octets, MEMORY_LENGTH)
    this.#family = family
    this.#isWildcard = isWildcard
    this.#addressLength = family === 4 ? 4 : 16
    this.#addressAt = addressAt(family)
    this.#writable = new PollSet(libc, [fd], POLLOUT)
    this.queries = rooms(this.#octets, QUERIES, QUERY_STRIDE)
    this.#replies = rooms(this.#octets, REPLIES, REPLY_STRIDE)
    this.#layOut(family === 4 ? IPV4_ADDRESS_LENGTH : IPV6_ADDRESS_LENGTH)
  }

  /** Takes what is there, 64 datagrams at most; returns their number, 0 if there was none. */
  receive(flags: number): number {
    this.#queued = 0
    if (this.#isWildcard) this.#makeControlRoom()
    const received = this.#libc.recvmmsg(this.fd, this.#base + QUERY_HEADS, BATCH, flags, 0)
    this.#received = Math.max(received, 0) // silence, a signal, or an ICMP error about an earlier reply
    return this.#received
  }

  queryLength(index: number): number {
    return this.#words[(QUERY_HEADS >> 2) + index * HEAD_WORDS + MMSGHDR.received] ?? 0
  }

  /** Puts a datagram's source into the client; false if its port is 0: nobody can be answered there. */
  noteSource(index: number, client: Client): boolean {
    const at = SOURCES + index * ADDRESS_ROOM
    if (portAt(this.#octets, at) === 0) return false
    client.length = this.#addressLength
    copyOctets(this.#octets, at + this.#addressAt, client.octets, 0, this.#addressLength)
    return true
  }

  /** The room that the next reply is written into. */
  get nextReply(): Uint8Array {
    return this.#replies[this.#queued] ?? this.#octets
  }

  /** Queues the reply that was written into `nextReply`, as the one to the datagram with this index. */
  queue(index: number, length: number): void {
    const head = (REPLY_HEADS >> 2) + this.#queued * HEAD_WORDS
    const query = (QUERY_HEADS >> 2) + index * HEAD_WORDS
    this.#words[head + MMSGHDR.name] = this.#words[query + MMSGHDR.name] ?? 0
    this.#words[head + MMSGHDR.name + 1] = this.#words[query + MMSGHDR.name + 1] ?? 0
    if (this.#isWildcard) this.#answerFrom(index, head, query)
    this.#words[(REPLY_PARTS >> 2) + this.#queued * PART_WORDS + IOVEC.length] = length
    this.#queued++
  }

  /** Sends what is queued, and counts replies, errors and what had to be dropped. */
  send(counts: UdpCounts): void {
    let at = 0
    let hasWaited = false
    while (at < this.#queued) {
      const heads = this.#base + REPLY_HEADS + at * HEAD_LENGTH
      const sent = this.#libc.sendmmsg(this.fd, heads, this.#queued - at, MSG_DONTWAIT)
      if (sent > 0) {
        counts.replies += sent
        at += sent
        continue
      }
      const errno = this.#libc.errno()
      if (errno === ERRNO.EINTR) continue
      const isFull = errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS
      if (isFull && hasWaited) break
      if (isFull) {
        this.#writable.wait(SEND_PATIENCE_MS)
        hasWaited = true
      } else {
        counts.errors++ // EPERM (a firewall), ENETUNREACH: one client's trouble, never the batch's
        at++
      }
    }
    counts.dropped += this.#queued - at
    this.#queued = 0
  }

  /** The kernel has written how long each control message is over how much room there is. */
  #makeControlRoom(): void {
    for (let i = 0; i < this.#received; i++)
      this.#words[(QUERY_HEADS >> 2) + i * HEAD_WORDS + MMSGHDR.controlLength] = CONTROL_ROOM
  }

  /** Sends the reply of a head from the address that the query with this index and head was sent to. */
  #answerFrom(index: number, head: number, query: number): void {
    turnAround(this.#octets, CONTROLS + index * CONTROL_ROOM, this.#family)
    for (let word: number = MMSGHDR.control; word <= MMSGHDR.controlLength; word++)
      this.#words[head + word] = this.#words[query + word] ?? 0
  }

  /** Pointers are written once: later only lengths change, and whose address a reply goes to. */
  #layOut(nameLength: number): void {
    for (let i = 0; i < BATCH; i++) {
      const source = SOURCES + i * ADDRESS_ROOM
      const queryPart = QUERY_PARTS + i * PART_LENGTH
      const replyPart = REPLY_PARTS + i * PART_LENGTH
      this.#layHead(QUERY_HEADS + i * HEAD_LENGTH, { source, nameLength, part: queryPart })
      this.#layHead(REPLY_HEADS + i * HEAD_LENGTH, { source, nameLength, part: replyPart })
      this.#putPointer((queryPart >> 2) + IOVEC.base, QUERIES + i * QUERY_STRIDE)
      this.#words[(queryPart >> 2) + IOVEC.length] = LONGEST_QUERY
      if (this.#isWildcard) this.#layControl(QUERY_HEADS + i * HEAD_LENGTH, CONTROLS + i * CONTROL_ROOM)
      this.#putPointer((replyPart >> 2) + IOVEC.base, REPLIES + i * REPLY_STRIDE)
    }
  }

  #layHead(
    at: number,
    head: { readonly source: number; readonly nameLength: number; readonly part: number },
  ): void {
    const word = at >> 2
    this.#putPointer(word + MMSGHDR.name, head.source)
    this.#words[word + MMSGHDR.nameLength] = head.nameLength
    this.#putPointer(word + MMSGHDR.parts, head.part)
    this.#words[word + MMSGHDR.partCount] = 1
  }

  #layControl(head: number, control: number): void {
    this.#putPointer((head >> 2) + MMSGHDR.control, control)
    this.#words[(head >> 2) + MMSGHDR.controlLength] = CONTROL_ROOM
  }

  /** Writes the 64-bit address of an offset of this memory. */
  #putPointer(word: number, offset: number): void {
    const address = this.#base + offset
    this.#words[word] = (address % TWO_POW_32) | 0
    this.#words[word + 1] = Math.floor(address / TWO_POW_32)
  }
}

function rooms(octets: Uint8Array, from: number, stride: number): readonly Uint8Array[] {
  return Array.from({ length: BATCH }, (_, i) => octets.subarray(from + i * stride, from + (i + 1) * stride))
}
