import { AF_UNIX, type Libc, MSG_DONTWAIT } from './libc.ts'

/** What a service manager is told (sd_notify(3)). */
export type ServiceState = 'ready' | 'reloading' | 'stopping'

/** The two variables that a service manager sets for the process that it starts. */
export interface ServiceEnvironment {
  /** A path, or a name of the abstract kind with @ in place of the first octet. */
  readonly NOTIFY_SOCKET?: string | undefined
  /** Microseconds after which a process that has said nothing is taken for dead. */
  readonly WATCHDOG_USEC?: string | undefined
}

/** Signs of life for each time that the watchdog waits: two may be late. */
const SIGNS_A_WAIT = 3
const MICROSECONDS = 1000 // of a millisecond
const LONGEST_ADDRESS = 110 // sockaddr_un (unix(7))

/**
 * Tells the service manager how far the process is, as sd_notify(3) does: a datagram for each state to the socket that it
 * names. What can't be told is lost: a process that serves does not end for that. Where nobody asks to be told, nothing
 * is.
 */
export class ServiceManager {
  readonly #libc: Libc | undefined
  readonly #address: Uint8Array | undefined
  readonly #signsMs: number
  #watchdog: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(libc: Libc | undefined, { NOTIFY_SOCKET = '', WATCHDOG_USEC }: ServiceEnvironment) {
    this.#libc = libc
    this.#address = addressOf(NOTIFY_SOCKET)
    this.#signsMs = Number(WATCHDOG_USEC ?? 0) / MICROSECONDS / SIGNS_A_WAIT
  }

  /** Whether somebody asks to be told and can not be: datagrams to a Unix socket take system calls that are missing. */
  get isMute(): boolean {
    return this.#address !== undefined && this.#libc === undefined
  }

  /**
   * `status` is shown to people, by `systemctl status`. From the first 'ready' on the manager gets signs of life. Nothing is
   * told after 'stopping': a reload may end only then.
   */
  tell(state: ServiceState, status: string): void {
    if (this.#isStopping) return
    this.#isStopping = state === 'stopping'
    this.#tell(`${assignment(state)}\nSTATUS=${status.replaceAll('\n', ' ')}`)
    if (state === 'ready') this.#live()
  }

  /** Tells that another process is the service from now on. The manager hears of it no more from this one. */
  handOver(pid: number, status: string): void {
    this.#tell(`MAINPID=${pid}\n${assignment('ready')}\nSTATUS=${status}`)
    this.close()
  }

  /** The same work, which the manager hears begin and end. */
  told<T>(reload: { run(): Promise<T> }, status: string): { run(): Promise<T> } {
    let underWay = 0
    return {
      run: async () => {
        underWay++
        this.tell('reloading', 'reloading')
        try {
          return await reload.run()
        } finally {
          if (--underWay === 0) this.tell('ready', status)
        }
      },
    }
  }

  /** Gives no further signs of life. */
  close(): void {
    clearInterval(this.#watchdog)
  }

  /**
   * Gives signs of life, if the manager wants any. They come from the main thread's event loop: if that hangs, they
   * end. An answering thread that hangs is replaced by it.
   */
  #live(): void {
    if (this.#watchdog !== undefined || this.#address === undefined || !(this.#signsMs > 0)) return
    this.#tell('WATCHDOG=1')
    this.#watchdog = setInterval(() => this.#tell('WATCHDOG=1'), this.#signsMs).unref()
  }

  #tell(text: string): void {
    const libc = this.#libc
    if (libc === undefined || this.#address === undefined) return
    const fd = libc.socket(AF_UNIX)
    if (fd === -1) return
    libc.sendTo(fd, Buffer.from(text), MSG_DONTWAIT, this.#address)
    libc.close(fd)
  }
}

function assignment(state: ServiceState): string {
  switch (state) {
    case 'ready':
      return 'READY=1'
    case 'reloading':
      // Type=notify-reload takes a reload for begun after the moment that it asked for it.
      return `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`
    case 'stopping':
      return 'STOPPING=1'
    default:
      return state satisfies never
  }
}

/** sockaddr_un: the family in two octets, then the path. */
function addressOf(name: string): Uint8Array | undefined {
  if (!/^[/@]./.test(name)) return undefined
  const path = Buffer.from(name.replace(/^@/, '\0'))
  const address = Buffer.concat([Uint8Array.of(AF_UNIX, 0), path])
  return address.length > LONGEST_ADDRESS ? undefined : address
}
