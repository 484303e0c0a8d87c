import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { COLLECTING } from '../served/settled-memory.ts'
import { type Server, startServer } from '../spawn.ts'
import type { Layout } from './kernel-model.ts'
import { strays } from './processes.ts'

export const ORIGIN = 'freenet6.net'
export const REVERSE = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const PROGRAMS_ONLY = join(import.meta.dirname, 'programs-only.ts')
/** The walk itself keeps the machine busy. */
const START_PATIENCE_MS = 60_000
const config = (layout: Layout) => `
origin = "${ORIGIN}"
[dns]
listen = ["127.0.0.1:5300", "[::1]:5300"]
[web]
listen = "127.0.0.1:8080"
registrations_per_hour = 0
trusted_proxies = ["127.0.0.0/8"]
connections_per_address = 1000
[tunnel]
kinds = ["sit"] # the model of a kernel knows no WireGuard
driver = "sit"
layout = "${layout}"
reachability = "require"
[monitor]
prober = "fping"
interval = "500ms"
timeout = "300ms"
threshold = 2
`

/** Where the parts lie that make a broker's life hard; see walk.ts. */
export interface Surroundings {
  /** The broker's directory; `data` in it is a small disk of its own. */
  readonly dir: string
  /** Programs that stand before all others in its PATH. */
  readonly tools: string
  readonly layout: Layout
  /** Libraries that are preloaded. */
  readonly libraries: readonly string[]
}

/** The broker that is tried: started, killed, stopped and paused as often as the walk wants. */
export class TriedBroker {
  readonly dns: Endpoint = { address: '127.0.0.1', port: 5300 }
  readonly web = 'http://127.0.0.1:8080'
  readonly data: string
  /** What fail-io.c looks for, without its ending. */
  readonly #ioFlag: string
  /** What skew-clock.c reads. */
  readonly #clock: string
  readonly #surroundings: Surroundings
  #server: Server | undefined

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.data = join(surroundings.dir, 'data')
    this.#ioFlag = join(surroundings.dir, 'io-fails')
    this.#clock = join(surroundings.dir, 'clock')
    mkdirSync(this.data, { recursive: true })
    writeFileSync(this.#clock, Buffer.alloc(8))
  }

  get database(): string {
    return join(this.data, 'freenet6.db')
  }

  get configFile(): string {
    return join(this.#surroundings.dir, 'freenet6.toml')
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the broker does not run')
    return this.#server
  }

  /** False where it was not told to end, and has. */
  get isAsTold(): boolean {
    return this.#server === undefined || existsSync(`/proc/${this.#server.pid}/exe`)
  }

  get isRunning(): boolean {
    return this.#server !== undefined
  }

  async start(): Promise<void> {
    const { dir, tools, libraries, layout } = this.#surroundings
    this.#server = await startServer({
      config: config(layout),
      dir,
      patience: START_PATIENCE_MS,
      env: {
        NODE_OPTIONS: `${COLLECTING.NODE_OPTIONS} --import=${PROGRAMS_ONLY}`,
        PATH: `${tools}:${process.env.PATH ?? ''}`,
        LD_PRELOAD: libraries.join(':'),
        FAIL_IO_FLAG: this.#ioFlag,
        FAIL_IO_BELOW: this.data,
        SKEW_FILE: this.#clock,
      },
    })
  }

  /** kill -9. What it had started is ended too, as systemd does it with a unit. */
  async kill(): Promise<void> {
    const { server } = this
    this.#server = undefined
    await server.kill()
    for (const pid of strays()) process.kill(pid, 'SIGKILL')
  }

  /** SIGTERM. Throws where it takes more than five seconds; returns its exit status. */
  async stop(): Promise<number | null> {
    const { server } = this
    this.#server = undefined
    return server.stop()
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGHUP'): void {
    process.kill(this.server.pid, signal)
  }

  /** Sets the broker's clock ahead by some seconds, behind by negative ones. */
  setClock(seconds: number): void {
    const octets = Buffer.alloc(8)
    octets.writeBigInt64LE(BigInt(seconds))
    const file = openSync(this.#clock, 'r+') // never emptied: the broker has it mapped
    writeSync(file, octets)
    closeSync(file)
  }

  /** From now on the disk below its data fails in this with EIO. */
  failIo(what: 'reads' | 'writes'): void {
    writeFileSync(`${this.#ioFlag}.${what}`, '')
  }

  restoreIo(): void {
    for (const what of ['reads', 'writes']) rmSync(`${this.#ioFlag}.${what}`, { force: true })
  }
}
