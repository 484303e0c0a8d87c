/**
 * A raw ICMP socket that sends up to 64 echo requests with one system call and takes up to 64 messages with another.
 * Its memory is one piece that never moves, laid out as that of listen/socket-memory.ts:
 *
 *     heads in, heads out        64 mmsghdr each
 *     parts in, parts out        64 iovec each
 *     sources, destinations      64 addresses each
 *     messages in                64 × 128    longer ones are cut: nothing behind is looked at
 *     requests out               64 × 24
 *     controls out               64 × 40     the address that a request is sent from (RFC 3542 6.1)
 */
import { AF_INET, AF_INET6, ERRNO, type Libc, MSG_DONTWAIT } from '../listen/libc.ts'
import {
  ADDRESS_ROOM,
  addressAt,
  IPV4_ADDRESS_LENGTH,
  IPV6_ADDRESS_LENGTH,
} from '../listen/udp/socket-address.ts'
import { BATCH, HEAD_LENGTH, HEAD_WORDS, IOVEC, MMSGHDR, PART_LENGTH } from '../listen/udp/socket-memory.ts'
import { copyOctets, octet } from '../wire/octets.ts'
import { echoFilter, instructionsIn } from './echo-filter.ts'
import { ECHO_LENGTH, ICMPV4, ICMPV6, TARGET_ROOM } from './echo-message.ts'

const MESSAGE_ROOM = 128
const HEADS_IN = 0
const HEADS_OUT = HEADS_IN + BATCH * HEAD_LENGTH
const PARTS_IN = HEADS_OUT + BATCH * HEAD_LENGTH
const PARTS_OUT = PARTS_IN + BATCH * PART_LENGTH
const SOURCES = PARTS_OUT + BATCH * PART_LENGTH
const DESTINATIONS = SOURCES + BATCH * ADDRESS_ROOM
const MESSAGES = DESTINATIONS + BATCH * ADDRESS_ROOM
const REQUESTS = MESSAGES + BATCH * MESSAGE_ROOM
const CONTROLS = REQUESTS + BATCH * ECHO_LENGTH
/** A head of 16 octets, an address and the number of an interface; rounded up to eight. */
const CONTROL_ROOM = 40
const CONTROL_LENGTH = 36
const CONTROL = { length: 0, level: 2, type: 3 } as const // words
const CONTROL_ADDRESS = 16
const MEMORY_LENGTH = CONTROLS + BATCH * CONTROL_ROOM
const SCOPE = 24 // of a sockaddr_in6
const TWO_POW_32 = 0x1_0000_0000

const IPPROTO_ICMP = 1
const IPPROTO_IPV6 = 41
const IPPROTO_ICMPV6 = 58
const IPV6_PKTINFO = 50
const SOL_SOCKET = 1
const SOL_RAW = 255
const SO_ATTACH_FILTER = 26
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
/** ICMP6_FILTER (RFC 3542 3.2) and Linux's ICMP_FILTER have the same number. A bit that is set keeps a type out. */
const ICMP_FILTER = 1
const MEMINFO_WORDS = 9
const MEMINFO_HELD = 0
const MEMINFO_ROOM = 1
const MEMINFO_DROPS = 8
/**
 * Holds the replies of three seconds at 20,000 a second, each of which the kernel counts as up to 1 KB: the process may
 * be busy for so long. Without the right for it (CAP_NET_ADMIN) the system's own limit holds.
 */
const RECEIVE_BUFFER = 64 * 1024 * 1024

/** What became of the requests that were sent: how many are done with, and which of them the system refused. */
export interface Sending {
  readonly done: number
  readonly refused: ReadonlyMap<number, string>
}

const ALL_SENT: ReadonlyMap<number, string> = new Map()

/** Where a request goes; written anew for each. */
export interface Destination {
  readonly targets: Uint8Array
  index: number
  /** The number of a link-local target's interface. */
  scope: number
  /** The IPv6 address to send from, which else the kernel chooses. */
  ownEnd: Uint8Array | undefined
}

export class IcmpSocket {
  readonly family: 4 | 6
  /** Holds what was received and what is to be sent: see `messageAt` and `requestAt`. */
  readonly octets = new Uint8Array(MEMORY_LENGTH)
  readonly #libc: Libc
  readonly #fd: number
  readonly #words = new Int32Array(this.octets.buffer)
  readonly #base: number
  readonly #figures = new Uint32Array(MEMINFO_WORDS)
  #drops = 0
  #lost = 0

  /** Opens a socket for the replies to requests with the identifier; the name of the system's error if it does not let us. */
  static open(libc: Libc, family: 4 | 6, identifier: number): IcmpSocket | string {
    const [domain, protocol] = family === 4 ? [AF_INET, IPPROTO_ICMP] : [AF_INET6, IPPROTO_ICMPV6]
    const fd = libc.rawSocket(domain, protocol)
    if (fd < 0) return libc.errorName(libc.errno())
    const level = family === 4 ? SOL_RAW : IPPROTO_ICMPV6
    if (libc.setOption(fd, level, ICMP_FILTER, filterOf(family)) !== 0) {
      const error = libc.errorName(libc.errno())
      libc.close(fd)
      return error
    }
    attachFilter(libc, fd, echoFilter(family, identifier))
    // The ends of links need not be addresses of an interface.
    if (family === 6) libc.setFreeBind(fd, family)
    const size = Uint32Array.of(RECEIVE_BUFFER)
    if (libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, size) !== 0) libc.setReceiveBuffer(fd, RECEIVE_BUFFER)
    return new IcmpSocket(libc, fd, family)
  }

  private constructor(libc: Libc, fd: number, family: 4 | 6) {
    this.#libc = libc
    this.#fd = fd
    this.family = family
    this.#base = libc.addressOf(this.octets)
    this.#layOut()
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  /** Messages that were lost since the socket was opened, because its queue was full: as far as `noteLosses` has seen. */
  get lost(): number {
    return this.#lost
  }

  /**
   * Looks for losses; to be called each time before the queue is emptied. The system counts messages with a wrong checksum
   * among them, which anybody may send: a queue that was full is full until it is read.
   */
  noteLosses(): void {
    this.#libc.getOption(this.#fd, SOL_SOCKET, SO_MEMINFO, this.#figures)
    const drops = this.#figures[MEMINFO_DROPS] ?? 0
    const isFull = (this.#figures[MEMINFO_HELD] ?? 0) >= (this.#figures[MEMINFO_ROOM] ?? 0) / 2
    if (isFull) this.#lost += drops - this.#drops
    this.#drops = drops
  }

  /** Takes what is there, 64 messages at most; returns their number. */
  receive(): number {
    return Math.max(this.#libc.recvmmsg(this.#fd, this.#base + HEADS_IN, BATCH, MSG_DONTWAIT, 0), 0)
  }

  /** Where the message with an index begins, IPv4's header left out; it ends at `messageEnd`. */
  messageAt(index: number): number {
    const at = MESSAGES + index * MESSAGE_ROOM
    return this.family === 4 ? at + (octet(this.octets, at) & 0xf) * 4 : at
  }

  messageEnd(index: number): number {
    const received = this.#words[headOf(HEADS_IN, index) + MMSGHDR.received] ?? 0
    return MESSAGES + index * MESSAGE_ROOM + Math.min(received, MESSAGE_ROOM)
  }

  /** Where the address begins that a message came from. */
  sourceAt(index: number): number {
    return SOURCES + index * ADDRESS_ROOM + addressAt(this.family)
  }

  /** Where the request with an index is written. */
  requestAt(index: number): number {
    return REQUESTS + index * ECHO_LENGTH
  }

  /** Says where the request with an index goes. */
  address(index: number, target: Destination): void {
    const at = DESTINATIONS + index * ADDRESS_ROOM
    const length = this.family === 4 ? 4 : TARGET_ROOM
    copyOctets(target.targets, target.index * TARGET_ROOM, this.octets, at + addressAt(this.family), length)
    if (this.family === 4) return
    this.#words[(at + SCOPE) >> 2] = target.scope
    this.#words[headOf(HEADS_OUT, index) + MMSGHDR.controlLength] =
      target.ownEnd === undefined ? 0 : CONTROL_ROOM
    if (target.ownEnd === undefined) return
    copyOctets(target.ownEnd, 0, this.octets, CONTROLS + index * CONTROL_ROOM + CONTROL_ADDRESS, TARGET_ROOM)
  }

  /** Sends the first `count` requests. It ends early where the system's queue is full: the rest can be sent later. */
  send(count: number): Sending {
    let refused: Map<number, string> | undefined
    let done = 0
    while (done < count) {
      const heads = this.#base + HEADS_OUT + done * HEAD_LENGTH
      const sent = this.#libc.sendmmsg(this.#fd, heads, count - done, MSG_DONTWAIT)
      if (sent > 0) {
        done += sent
        continue
      }
      const errno = this.#libc.errno()
      if (errno === ERRNO.EINTR) continue
      if (errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS) break
      refused ??= new Map()
      refused.set(done, this.#libc.errorName(errno)) // EPERM (a firewall), ENETUNREACH: this target's alone
      done++
    }
    return { done, refused: refused ?? ALL_SENT }
  }

  get #nameLength(): number {
    return this.family === 4 ? IPV4_ADDRESS_LENGTH : IPV6_ADDRESS_LENGTH
  }

  #layOut(): void {
    for (let i = 0; i < BATCH; i++) {
      const [source, destination] = [SOURCES + i * ADDRESS_ROOM, DESTINATIONS + i * ADDRESS_ROOM]
      const [partIn, partOut] = [PARTS_IN + i * PART_LENGTH, PARTS_OUT + i * PART_LENGTH]
      this.octets[destination] = this.family === 4 ? AF_INET : AF_INET6
      this.#layHead(headOf(HEADS_IN, i), source, partIn)
      this.#layHead(headOf(HEADS_OUT, i), destination, partOut)
      this.#layControl(headOf(HEADS_OUT, i), CONTROLS + i * CONTROL_ROOM)
      this.#layPart(partIn >> 2, MESSAGES + i * MESSAGE_ROOM, MESSAGE_ROOM)
      this.#layPart(partOut >> 2, REQUESTS + i * ECHO_LENGTH, ECHO_LENGTH)
    }
  }

  #layHead(word: number, name: number, part: number): void {
    this.#putPointer(word + MMSGHDR.name, name)
    this.#words[word + MMSGHDR.nameLength] = this.#nameLength
    this.#putPointer(word + MMSGHDR.parts, part)
    this.#words[word + MMSGHDR.partCount] = 1
  }

  /** Its length in the head stays 0 until it is used. */
  #layControl(word: number, control: number): void {
    this.#putPointer(word + MMSGHDR.control, control)
    this.#words[(control >> 2) + CONTROL.length] = CONTROL_LENGTH
    this.#words[(control >> 2) + CONTROL.level] = IPPROTO_IPV6
    this.#words[(control >> 2) + CONTROL.type] = IPV6_PKTINFO
  }

  #layPart(word: number, offset: number, length: number): void {
    this.#putPointer(word + IOVEC.base, offset)
    this.#words[word + IOVEC.length] = length
  }

  /** Writes the 64-bit address of an offset of this memory. */
  #putPointer(word: number, offset: number): void {
    const address = this.#base + offset
    this.#words[word] = (address % TWO_POW_32) | 0
    this.#words[word + 1] = Math.floor(address / TWO_POW_32)
  }
}

function headOf(heads: number, index: number): number {
  return (heads >> 2) + index * HEAD_WORDS
}

/** Without it all is as well, but for floods: what came is looked at here too. */
function attachFilter(libc: Libc, fd: number, program: Uint8Array): void {
  const address = libc.addressOf(program)
  const [low, high] = [address % TWO_POW_32, Math.floor(address / TWO_POW_32)]
  libc.setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, Uint32Array.of(instructionsIn(program), 0, low, high)) // struct sock_fprog
}

/** Lets through echo replies and, over IPv6, unreachables; the queue is for nothing else. */
function filterOf(family: 4 | 6): Uint32Array {
  if (family === 4) return Uint32Array.of(~(1 << ICMPV4.echoReply))
  const filter = new Uint32Array(8).fill(0xffff_ffff)
  for (const type of [ICMPV6.unreachable, ICMPV6.echoReply]) {
    filter[type >> 5] = (filter[type >> 5] ?? 0) & ~(1 << (type & 31))
  }
  return filter
}
