/**
 * The system calls that Node has none of, from libc through koffi; what the calls are given is laid out in
 * socket-memory.ts. Those for netlink are in kernel/netlink.ts.
 *
 * The numbers are Linux's for x64, arm64, riscv64 and loong64.
 */
import { endianness } from 'node:os'

export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_TYPE = 3
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const SO_RCVTIMEO = 20
const SO_ACCEPTCONN = 30
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_PKTINFO = 8
const IP_FREEBIND = 15
const IPPROTO_IPV6 = 41
const IPV6_RECVPKTINFO = 49
const IPV6_FREEBIND = 78
const IPV6_V6ONLY = 26
export const MSG_DONTWAIT = 0x40
/** Wait for the first datagram, then take what is there. */
export const MSG_WAITFORONE = 0x10000
export const POLLIN = 1
export const POLLOUT = 4
const MADV_HUGEPAGE = 14
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const F_DUPFD_CLOEXEC = 1030
const FD_CLOEXEC = 1
const TIMEX_LENGTH = 256 // struct timex has 208
const PAGE = 4096
/** Numbers of sched_setattr and sched_getattr: glibc has had functions for them only since 2.41. */
const SCHED_CALLS = process.arch === 'x64' ? { set: 314, get: 315 } : { set: 274, get: 275 }
const CALLING_THREAD = 0
export const ERRNO = { EINTR: 4, EAGAIN: 11, ENOBUFS: 105 } as const

const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64']

/** Each returns -1 if it failed; `errno` then says why. Addresses of memory are numbers: they fit 53 bits. */
export interface Libc {
  readonly recvmmsg: (fd: number, heads: number, count: number, flags: number, timeout: number) => number
  readonly sendmmsg: (fd: number, heads: number, count: number, flags: number) => number
  readonly poll: (fds: number, count: number, timeoutMs: number) => number
  /** One datagram, to an address of the socket's family; octets sent. */
  readonly sendTo: (fd: number, datagram: Uint8Array, flags: number, address: Uint8Array) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint32Array) => number
  readonly close: (fd: number) => number
  /** A socket for datagrams: UDP's, where the family is IP's. */
  readonly socket: (family: number) => number
  /** A socket below UDP and TCP, which takes a right (CAP_NET_RAW). */
  readonly rawSocket: (family: number, protocol: number) => number
  /** A socket for connections, which never blocks. */
  readonly streamSocket: (family: number) => number
  readonly listen: (fd: number, backlog: number) => number
  /** Another descriptor of the same socket, which no child of this process inherits. */
  readonly duplicate: (fd: number) => number
  /** No child of this process inherits the descriptor. */
  readonly setCloseOnExec: (fd: number) => number
  /** Calls on the socket wait for what they are about, unless they say otherwise. */
  readonly setBlocking: (fd: number) => number
  readonly setReuseAddress: (fd: number) => number
  /** Whether it takes datagrams, or listens for connections; undefined: neither, or no socket at all. */
  readonly socketKind: (fd: number) => 'datagrams' | 'connections' | undefined
  readonly setOption: (fd: number, level: number, name: number, value: Uint32Array) => number
  /** Fills `value`, or as much of it as the option has. */
  readonly getOption: (fd: number, level: number, name: number, value: Uint32Array) => number
  /** Beyond net.core.rmem_max with the right CAP_NET_ADMIN. */
  readonly setReceiveBuffer: (fd: number, octets: number) => number
  readonly setReceiveTimeout: (fd: number, milliseconds: number) => number
  readonly setV6Only: (fd: number) => number
  readonly setReusePort: (fd: number) => number
  /** An address may be bound that the machine does not have: it is heard on as soon as it has. */
  readonly setFreeBind: (fd: number, family: 4 | 6) => number
  /** Datagrams come with the address that they were sent to: see udp/packet-info.ts. */
  readonly setPacketInfo: (fd: number, family: 4 | 6) => number
  /** How the clock is kept (adjtimex(2)): 5 if by nobody. */
  readonly clockState: () => number
  readonly errno: () => number
  /** The name of an error number, such as EADDRINUSE. */
  readonly errorName: (errno: number) => string
  /** Where the octets are. They stay there: they were not made by the pool, and lie outside the moving heap. */
  readonly addressOf: (octets: Uint8Array) => number
  /**
   * Asks for pages of 2 MB under `length` octets from the first of `octets` on, be they in use or only set aside: memory
   * that is read at random costs a walk through the page tables for each small page.
   */
  readonly adviseHugePages: (octets: Uint8Array, length: number) => number
  /** Reads or sets how the calling thread is scheduled; the octets are laid out in thread-precedence.ts. */
  readonly getScheduling: (attributes: Uint8Array) => number
  readonly setScheduling: (attributes: Uint8Array) => number
}

/** Undefined if koffi is not installed or can't be loaded, or the system is another than the layouts are for. */
export async function loadLibc(): Promise<Libc | undefined> {
  if (process.platform !== 'linux' || endianness() !== 'LE' || !ARCHITECTURES.includes(process.arch))
    return undefined
  try {
    return bindLibc((await import('koffi')).default)
  } catch {
    return undefined
  }
}

function bindLibc(koffi: typeof import('koffi').default): Libc {
  const libc = koffi.load(null) // the process itself: any libc that Node is linked with
  const socket = libc.func('int socket(int family, int type, int protocol)')
  const setsockopt = libc.func(
    'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
  )
  const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)')
  const set = (
    fd: number,
    level: number,
    name: number,
    value: BigInt64Array | Int32Array | Uint32Array,
  ): number => setsockopt(fd, level, name, value, value.byteLength)
  const sendto = libc.func(
    'long sendto(int fd, const void *octets, size_t length, int flags, const void *address, uint32_t size)',
  )
  const fcntl = libc.func('int fcntl(int fd, int command, ...)')
  const numberOption = (fd: number, name: number): number | undefined => {
    const value = new Uint32Array(1)
    return getsockopt(fd, SOL_SOCKET, name, value, Uint32Array.of(value.byteLength)) === 0
      ? value[0]
      : undefined
  }
  const adjtimex = libc.func('int adjtimex(void *timex)')
  const madvise = libc.func('int madvise(uintptr_t address, size_t length, int advice)')
  const schedule = libc.func(
    'long syscall(long number, long thread, void *attributes, long length, long flags)',
  )
  const addressOf = (octets: Uint8Array) => Number(koffi.address(octets))
  const names = new Map(Object.entries(koffi.os.errno).map(([name, errno]) => [errno, name]))
  return {
    recvmmsg: libc.func(
      'int recvmmsg(int fd, uintptr_t heads, uint32_t count, int flags, uintptr_t timeout)',
    ),
    sendmmsg: libc.func('int sendmmsg(int fd, uintptr_t heads, uint32_t count, int flags)'),
    poll: libc.func('int poll(uintptr_t fds, unsigned long count, int timeout)'),
    sendTo: (fd, datagram, flags, address) =>
      Number(sendto(fd, datagram, datagram.length, flags, address, address.length)),
    bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
    getsockname: libc.func('int getsockname(int fd, void *address, void *length)'),
    close: libc.func('int close(int fd)'),
    socket: family => socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    rawSocket: (family, protocol) => socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol),
    streamSocket: family => socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    listen: libc.func('int listen(int fd, int backlog)'),
    duplicate: fd => fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0),
    setCloseOnExec: fd => fcntl(fd, F_SETFD, 'int', FD_CLOEXEC),
    setBlocking: fd => fcntl(fd, F_SETFL, 'int', fcntl(fd, F_GETFL, 'int', 0) & ~SOCK_NONBLOCK),
    setReuseAddress: fd => set(fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1)),
    socketKind: fd => {
      if (numberOption(fd, SO_TYPE) === SOCK_DGRAM) return 'datagrams'
      return numberOption(fd, SO_ACCEPTCONN) === 1 ? 'connections' : undefined
    },
    setOption: set,
    getOption: (fd, level, name, value) =>
      getsockopt(fd, level, name, value, Uint32Array.of(value.byteLength)),
    setReceiveBuffer: (fd, octets) =>
      set(fd, SOL_SOCKET, SO_RCVBUFFORCE, Int32Array.of(octets)) === 0
        ? 0
        : set(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(octets)),
    setReceiveTimeout: (fd, milliseconds) =>
      set(fd, SOL_SOCKET, SO_RCVTIMEO, BigInt64Array.of(0n, BigInt(milliseconds) * 1000n)),
    setV6Only: fd => set(fd, IPPROTO_IPV6, IPV6_V6ONLY, Int32Array.of(1)),
    setReusePort: fd => set(fd, SOL_SOCKET, SO_REUSEPORT, Int32Array.of(1)),
    setFreeBind: (fd, family) =>
      family === 4
        ? set(fd, IPPROTO_IP, IP_FREEBIND, Int32Array.of(1))
        : set(fd, IPPROTO_IPV6, IPV6_FREEBIND, Int32Array.of(1)),
    setPacketInfo: (fd, family) =>
      family === 4
        ? set(fd, IPPROTO_IP, IP_PKTINFO, Int32Array.of(1))
        : set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, Int32Array.of(1)),
    clockState: () => adjtimex(new Uint8Array(TIMEX_LENGTH)), // all zero: nothing is adjusted
    errno: () => koffi.errno(),
    errorName: errno => names.get(errno) ?? `E${errno}`,
    addressOf,
    adviseHugePages: (octets, length) => {
      const from = Math.ceil(addressOf(octets) / PAGE) * PAGE
      return madvise(from, length - (from - addressOf(octets)), MADV_HUGEPAGE)
    },
    getScheduling: attributes => schedule(SCHED_CALLS.get, CALLING_THREAD, attributes, attributes.length, 0),
    setScheduling: attributes => schedule(SCHED_CALLS.set, CALLING_THREAD, attributes, 0, 0),
  }
}
