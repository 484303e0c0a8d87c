/**
 * Questions to the kernel by netlink(7), answered without a process: messages with a head of 16 octets, in the byte order
 * of the machine (little-endian), then attributes of 4 octets, length and type, and a value, each rounded up to four.
 *
 *     head    0 length 4 | 4 type 2 | 6 flags 2 | 8 sequence 4 | 12 port 4
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

export const NETLINK = { route: 0, netfilter: 12 } as const
export const FLAG = { request: 1, acknowledge: 4, dump: 0x300, replace: 0x100, create: 0x400 } as const
const HEAD_LENGTH = 16
/** The name of the system's error, such as ENOENT. */
export type NetlinkFault = string

export interface Calls {
  readonly socket: (family: number, type: number, protocol: number) => number
  readonly setOption: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number
  readonly send: (fd: number, octets: Uint8Array, length: number, flags: number) => number
  readonly receive: (fd: number, octets: Uint8Array, length: number, flags: number) => number
  readonly close: (fd: number) => number
  readonly indexOf: (device: string) => number
  readonly lastError: () => string
  readonly nameOf: (errno: number) => string
}

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 0o2000003
const SOL_NETLINK = 270
/** The kernel leaves out what a question for a listing does not ask for. */
const NETLINK_GET_STRICT_CHK = 12
/** An acknowledgement does not repeat the message. */
const NETLINK_CAP_ACK = 10
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const TIMEOUT_SECONDS = 5n
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const INTERRUPTED = 0x10
/** The kernel fills as much in one go at most. */
const ROOM = 32 * 1024
/** Messages of a listing's parts, or changes, in one turn of the event loop. */
const RECEIPTS_A_TURN = 4
const CHANGES_A_TURN = 64
const TYPE = 4
const FLAGS = 6
const NEST = 0x3fff

/** Where a message's own part begins and ends, and its type. */
export type Visit = (
  octets: Buffer,
  part: { readonly at: number; readonly end: number; readonly type: number },
) => void

export class Netlink {
  readonly #calls: Calls
  readonly #receipts = Buffer.allocUnsafeSlow(ROOM)

  /** Undefined if koffi can't be loaded here. */
  static async open(): Promise<Netlink | undefined> {
    try {
      return new Netlink(bind((await import('koffi')).default))
    } catch {
      return undefined
    }
  }

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** The number of a device; 0: there is none. */
  indexOf(device: string): number {
    return this.#calls.indexOf(device)
  }

  /** Asks for a listing and gives each message of it to `visit`; the process has its turns in between. */
  dump(protocol: number, message: Buffer, visit: Visit): Promise<NetlinkFault | undefined> {
    return this.#with(protocol, async fd => {
      if (!this.#send(fd, message)) return this.#calls.lastError()
      const octets = Buffer.allocUnsafeSlow(ROOM)
      let fault: NetlinkFault | undefined
      for (let receipts = 1; ; receipts++) {
        const length = this.#calls.receive(fd, octets, ROOM, 0)
        if (length <= 0) return this.#calls.lastError()
        if (isInterrupted(octets, length)) fault = 'EINTR'
        const end = readMessages(octets, length, visit)
        if (end !== undefined) return end < 0 ? this.#calls.nameOf(-end) : fault
        if (receipts % RECEIPTS_A_TURN === 0) await nextTurn()
      }
    })
  }

  /**
   * Sends changes; returns the faults by the number of the change, from 0 on. The kernel does what came in one call in its
   * order and tells of each fault unasked, so that only the last of a call is to be acknowledged: a receipt for each costs
   * more than the change. Changes are asked for when their turn comes, and none is kept.
   */
  async change(
    protocol: number,
    changes: Iterable<Buffer>,
  ): Promise<ReadonlyMap<number, NetlinkFault> | NetlinkFault> {
    const faults = new Map<number, NetlinkFault>()
    const trouble = await this.#with(protocol, async fd => {
      let number = 0
      let slice: Buffer[] = []
      for (const change of changes) {
        change.writeUInt32LE(number++, SEQUENCE)
        slice.push(change)
        if (slice.length < CHANGES_A_TURN) continue
        const fault = this.#sendSlice(fd, slice, { last: number - 1, faults })
        if (fault !== undefined) return fault
        slice = []
        await nextTurn()
      }
      return slice.length === 0 ? undefined : this.#sendSlice(fd, slice, { last: number - 1, faults })
    })
    return trouble ?? faults
  }

  /** `last` is the number of the slice's last change. */
  #sendSlice(
    fd: number,
    slice: readonly Buffer[],
    outcome: { readonly last: number; readonly faults: Map<number, NetlinkFault> },
  ): NetlinkFault | undefined {
    for (const [at, change] of slice.entries()) {
      const flags = change.readUInt16LE(FLAGS) & ~FLAG.acknowledge
      change.writeUInt16LE(at === slice.length - 1 ? flags | FLAG.acknowledge : flags, FLAGS)
    }
    if (!this.#send(fd, Buffer.concat(slice))) return this.#calls.lastError()
    return this.#readFaults(fd, outcome)
  }

  /** Reads until the last change is acknowledged, or refused. */
  #readFaults(
    fd: number,
    { last, faults }: { readonly last: number; readonly faults: Map<number, NetlinkFault> },
  ): NetlinkFault | undefined {
    const octets = this.#receipts
    for (let isDone = false; !isDone; ) {
      const length = this.#calls.receive(fd, octets, ROOM, 0)
      if (length < HEAD_LENGTH + 4) return this.#calls.lastError()
      for (let at = 0; at + HEAD_LENGTH + 4 <= length; at += align(octets.readUInt32LE(at))) {
        const error = octets.readInt32LE(at + HEAD_LENGTH)
        const number = octets.readUInt32LE(at + SEQUENCE)
        if (error !== 0) faults.set(number, this.#calls.nameOf(-error))
        isDone ||= number === last
      }
    }
    return undefined
  }

  #send(fd: number, octets: Buffer): boolean {
    return this.#calls.send(fd, octets, octets.length, 0) === octets.length
  }

  async #with<T>(protocol: number, work: (fd: number) => Promise<T>): Promise<T | NetlinkFault> {
    const fd = this.#calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol)
    if (fd < 0) return this.#calls.lastError()
    try {
      const on = Buffer.from(Uint32Array.of(1).buffer)
      for (const option of [NETLINK_GET_STRICT_CHK, NETLINK_CAP_ACK]) {
        this.#calls.setOption(fd, SOL_NETLINK, option, on, on.length)
      }
      const patience = Buffer.from(BigInt64Array.of(TIMEOUT_SECONDS, 0n).buffer)
      this.#calls.setOption(fd, SOL_SOCKET, SO_RCVTIMEO, patience, patience.length)
      return await work(fd)
    } finally {
      this.#calls.close(fd)
    }
  }
}

const SEQUENCE = 8

/** A message of a type with its own part and attributes. */
export function message(
  type: number,
  flags: number,
  parts: { readonly own: Uint8Array; readonly attributes?: readonly (readonly [number, Uint8Array])[] },
): Buffer {
  const attributes = (parts.attributes ?? []).map(([kind, value]) => attribute(kind, value))
  const body = Buffer.concat([parts.own, ...attributes])
  const head = Buffer.alloc(HEAD_LENGTH)
  head.writeUInt32LE(HEAD_LENGTH + body.length, 0)
  head.writeUInt16LE(type, TYPE)
  head.writeUInt16LE(flags, FLAGS)
  return Buffer.concat([head, body])
}

function attribute(kind: number, value: Uint8Array): Buffer {
  const octets = Buffer.alloc(align(4 + value.length))
  octets.writeUInt16LE(4 + value.length, 0)
  octets.writeUInt16LE(kind, 2)
  octets.set(value, 4)
  return octets
}

/** Where a message's own part is. */
export const OWN_AT = HEAD_LENGTH

/** A message with its head; `length` is that of all behind it, a multiple of four. */
export function beginMessage(
  type: number,
  { flags, length }: { readonly flags: number; readonly length: number },
): Buffer {
  const octets = Buffer.allocUnsafe(HEAD_LENGTH + length).fill(0)
  octets.writeUInt32LE(HEAD_LENGTH + length, 0)
  octets.writeUInt16LE(type, TYPE)
  octets.writeUInt16LE(flags, FLAGS)
  return octets
}

/** Writes an attribute whose value is a multiple of four; returns where the next one begins. */
export function putAttribute(octets: Buffer, at: number, kind: number, value: Uint8Array): number {
  putAttributeHead(octets, at, { kind, length: value.length })
  octets.set(value, at + 4)
  return at + 4 + value.length
}

export function putAttributeHead(
  octets: Buffer,
  at: number,
  { kind, length }: { readonly kind: number; readonly length: number },
): void {
  octets.writeUInt16LE(4 + length, at)
  octets.writeUInt16LE(kind, at + 2)
}

/** Where the value of the first attribute of a kind is, between two offsets; undefined: there is none. */
export function findAttribute(
  octets: Buffer,
  { at, end }: { readonly at: number; readonly end: number },
  kind: number,
): { readonly at: number; readonly end: number } | undefined {
  for (let i = at; i + 4 <= end; ) {
    const length = octets.readUInt16LE(i)
    if (length < 4 || i + length > end) return undefined
    if ((octets.readUInt16LE(i + 2) & NEST) === kind) return { at: i + 4, end: i + length }
    i += align(length)
  }
  return undefined
}

/** EMSGSIZE: a message is not whole, and what else was to come is not known. */
const CUT_OFF = -90

/** Returns the status that ends a listing, 0 or the negative number of an error; undefined: more will come. */
function readMessages(octets: Buffer, length: number, visit: Visit): number | undefined {
  for (let at = 0; at + HEAD_LENGTH <= length; ) {
    const size = octets.readUInt32LE(at)
    if (size < HEAD_LENGTH || at + size > length) return CUT_OFF
    const type = octets.readUInt16LE(at + TYPE)
    if (type === NLMSG_ERROR || type === NLMSG_DONE)
      return size < HEAD_LENGTH + 4 ? CUT_OFF : octets.readInt32LE(at + HEAD_LENGTH)
    visit(octets, { at: at + HEAD_LENGTH, end: at + size, type })
    at += align(size)
  }
  return undefined
}

/** Whether any message says that what is listed was changed meanwhile: the one that ends the listing may be the only one. */
function isInterrupted(octets: Buffer, length: number): boolean {
  for (let at = 0; at + HEAD_LENGTH <= length; at += Math.max(HEAD_LENGTH, align(octets.readUInt32LE(at))))
    if ((octets.readUInt16LE(at + FLAGS) & INTERRUPTED) !== 0) return true
  return false
}

function align(length: number): number {
  return (length + 3) & ~3
}

function bind(koffi: typeof import('koffi').default): Calls {
  const libc = koffi.load(null)
  const names = new Map(Object.entries(koffi.os.errno).map(([name, errno]) => [errno, name]))
  const nameOf = (errno: number) => names.get(errno) ?? `E${errno}`
  return {
    socket: libc.func('int socket(int family, int type, int protocol)'),
    setOption: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    send: libc.func('long send(int fd, const void *octets, size_t length, int flags)'),
    receive: libc.func('long recv(int fd, void *octets, size_t length, int flags)'),
    close: libc.func('int close(int fd)'),
    indexOf: libc.func('uint32_t if_nametoindex(const char *device)'),
    lastError: () => nameOf(koffi.errno()),
    nameOf,
  }
}
