/**
 * Who sees to the tunnels of a network namespace. Device, filter and the pool's routes have one name there, and whoever
 * compares them takes away what is not in its own table: two brokers would do that to each other's users for ever.
 *
 * What is held is a socket of the abstract namespace (unix(7)), which is the network namespace's own, and ends with its
 * process.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'

export const CLAIM = '\0freenet6.tunnels'
const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 0o2004001 // and never waits
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const CREDENTIALS_LENGTH = 12 // pid, uid, gid
const UID = 4
const CAP_NET_ADMIN = 12n // capabilities(7)

/**
 * The claim of one process. A service whose tunnels a kernel has made waits for the end of whoever has it. Any other that
 * was refused stays so: a service that is started anew after a crash must find its place free, whatever is tried beside it.
 */
export class KernelClaim {
  #server: Server | undefined
  #taking: Promise<string | undefined> | undefined
  #isOver = false
  #refusal: string | undefined
  readonly #isPatient: boolean

  /** `isPatient`: it is tried again each time, also after a refusal. */
  constructor({ isPatient }: { readonly isPatient: boolean }) {
    this.#isPatient = isPatient
  }

  /** Undefined: no other broker sees to tunnels here, and none will before `release`. Else a sentence about the one that does. */
  take(): Promise<string | undefined> {
    if (this.#server !== undefined || this.#isOver) return Promise.resolve(undefined)
    if (this.#refusal !== undefined && !this.#isPatient) return Promise.resolve(this.#refusal)
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
    })
    return this.#taking
  }

  /** Another process may see to them until it is taken again. */
  giveBack(): void {
    this.#server?.close()
    this.#server = undefined
  }

  /** Another process may see to them from now on. */
  release(): void {
    this.#isOver = true
    this.giveBack()
  }

  async #take(): Promise<string | undefined> {
    const server = createServer(socket => socket.destroy())
    const error = await listening(server)
    if (this.#isOver) server.close()
    else if (error === undefined) this.#server = server.unref()
    this.#refusal = error === 'EADDRINUSE' ? await this.#refusalOfHolder() : undefined
    return this.#refusal // where there are no such sockets nobody can hold one
  }

  async #refusalOfHolder(): Promise<string | undefined> {
    const holder = await listener()
    if (holder === 'nobody' || (holder !== 'unknown' && !isEntitled(holder))) return undefined
    const remedy = this.#isPatient ? 'stop it' : 'stop it and start this one anew'
    const who = holder !== 'unknown' && holder.pid > 0 ? ` (${holder.pid})` : ''
    return `another freenet6 process${who} has the tunnels of this network namespace: ${remedy}, or let one of them run in a namespace of its own`
  }
}

/** Resolves with the code of the error, if it can't be. */
function listening(server: Server): Promise<string | undefined> {
  return new Promise(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(CLAIM, () => resolve(undefined))
  })
}

/** Who listens, as the kernel says; pid 0: in another pid namespace. */
interface Holder {
  readonly pid: number
  readonly uid: number
}

/**
 * Anybody may hold such a socket: it counts for root, for who this process is, and for who is seen to have the right to change
 * this kernel's networks.
 */
function isEntitled({ pid, uid }: Holder): boolean {
  if (uid === 0 || uid === process.geteuid?.()) return true
  try {
    // A user namespace of his own gives everybody all rights in it.
    const isOfOurs = readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync('/proc/self/ns/user')
    return isOfOurs && hasNetAdmin(readFileSync(`/proc/${pid}/status`, 'utf8')) === true
  } catch {
    return false
  }
}

/** `nobody`: it takes no connection. `unknown`: without koffi nobody can tell. */
async function listener(): Promise<Holder | 'nobody' | 'unknown'> {
  try {
    return peerOf((await import('koffi')).default)
  } catch {
    return 'unknown'
  }
}

function peerOf(koffi: typeof import('koffi').default): Holder | 'nobody' {
  const libc = koffi.load(null)
  const fd: number = libc.func('int socket(int family, int type, int protocol)')(
    AF_UNIX,
    SOCK_STREAM_CLOEXEC,
    0,
  )
  const connect = libc.func('int connect(int fd, const void *address, uint32_t length)')
  const getOption = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)')
  const address = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(CLAIM)]) // struct sockaddr_un
  const credentials = Buffer.alloc(CREDENTIALS_LENGTH)
  const length = Uint32Array.of(CREDENTIALS_LENGTH)
  const isTold =
    connect(fd, address, address.length) === 0 &&
    getOption(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) === 0
  libc.func('int close(int fd)')(fd)
  return isTold ? { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(UID) } : 'nobody'
}

/** Whether the process of a status file in /proc may change the kernel's networks; if that does not tell, the kernel will. */
export async function mayHaveNetAdmin(statusPath: string): Promise<boolean> {
  return hasNetAdmin(await readFile(statusPath, 'utf8').catch(() => '')) ?? true
}

/** Undefined: the status does not tell. */
function hasNetAdmin(status: string): boolean | undefined {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n
}
