import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import { isIpv6Off, turnIpv6On } from '../../kernel/ipv6-switch.ts'
import { LastingChild } from '../../shared/lasting-child.ts'
import { keepServerKeyFile, type ServerKey } from './server-key.ts'
import type { RunWg } from './wg-command.ts'

/** What carries the tunnels: the kernel's module, or a child process of ours. */
export type Program = 'kernel' | 'wireguard-go'

/** Where wireguard-go is asked from; it ends when this has gone. */
const SOCKETS = '/var/run/wireguard'
const SUFFIX = 'wg'
const POLL_MS = 50
/** The kernel's module opens its socket when the interface goes up, wireguard-go when it is told the port. */
const IN_USE = /Address already in use/
const POLLS = 100

/** The one interface of all tunnels: made if it is missing, with key, port and MTU as they should be. */
export class WireguardDevice {
  readonly name: string
  readonly #program: Program
  readonly #key: ServerKey
  readonly #port: number
  readonly #mtu: number
  readonly #runIp: RunIp
  readonly #runWg: RunWg
  readonly #lost: () => void
  #child: LastingChild | undefined
  /** Whether a process before this one has started what carries the interface. */
  #isInherited = false

  constructor(options: {
    readonly name: string
    readonly program: Program
    readonly key: ServerKey
    readonly port: number
    readonly mtu: number
    readonly runIp: RunIp
    readonly runWg: RunWg
    /** Called when the interface was made anew and has no peers. */
    readonly lost: () => void
  }) {
    this.name = options.name
    this.#program = options.program
    this.#key = options.key
    this.#port = options.port
    this.#mtu = options.mtu
    this.#runIp = options.runIp
    this.#runWg = options.runWg
    this.#lost = options.lost
  }

  /** Touches nothing that is as it should be. Returns why the interface can't be had. */
  async ensure(): Promise<string | undefined> {
    const shown = await this.#listenPort()
    const port = shown.kind === 'done' ? shown.output.trim() : undefined
    this.#isInherited = this.#child === undefined && (port !== undefined || (await this.#isThere()))
    if (shown.kind === 'failed' && this.#isInherited) return shown.reason
    const made = port === undefined ? await this.#make() : undefined
    return made ?? (await this.#configure(port)) ?? (await this.#bringUp()) ?? (await this.#turnIpv6On())
  }

  /** Ends wireguard-go, and its interface with it; the kernel's stays, as other devices do. */
  close(): void {
    this.#child?.stop()
    this.#child = undefined
    if (this.#program === 'wireguard-go' && this.#isInherited) endWireguardGo(this.name)
    this.#isInherited = false
  }

  /** Lets wireguard-go run on: a process that takes over finds the interface as it is, and makes it anew if it ends. */
  leave(): void {
    if (this.#child === undefined) return
    this.#child.leave()
    this.#child = undefined
    this.#isInherited = true
  }

  /** Fails if there is no such interface, and if nobody could be asked. */
  #listenPort(): ReturnType<RunWg> {
    return this.#runWg(['show', this.name, 'listen-port'])
  }

  /** Where `wg` fails for a moment a second wireguard-go would end at once, and be started again for ever. */
  async #isThere(): Promise<boolean> {
    return (await this.#runIp(['link', 'show', 'dev', this.name])).status === 0
  }

  async #make(): Promise<string | undefined> {
    if (this.#program === 'kernel') {
      const { status, stderr } = await this.#runIp(['link', 'add', 'name', this.name, 'type', 'wireguard'])
      return status === 0 ? undefined : reasonOf(stderr)
    }
    this.#child ??= new LastingChild({
      command: 'wireguard-go',
      args: ['-f', this.name],
      restarted: this.#lost,
    })
    for (let poll = 0; poll < POLLS; poll++) {
      if ((await this.#listenPort()).kind === 'done') return undefined
      await sleep(POLL_MS)
    }
    return 'wireguard-go makes no interface'
  }

  /** wireguard-go opens its socket anew even for the port that it has, and loses what waits in it: it is not told again. */
  async #configure(present: string | undefined): Promise<string | undefined> {
    const keyless = keepServerKeyFile(this.#key)
    if (keyless !== undefined) return keyless
    const port = String(this.#port)
    const listen = port === present ? [] : ['listen-port', port]
    const outcome = await this.#runWg(['set', this.name, ...listen, 'private-key', this.#key.file])
    return outcome.kind === 'done' ? undefined : this.#withPort(outcome.reason)
  }

  /** Whoever watches the kernel hears of a change, so none is made without need. */
  async #bringUp(): Promise<string | undefined> {
    const shown = await this.#runIp(['-oneline', 'link', 'show', 'dev', this.name])
    if (/[<,]UP[,>]/.test(shown.stdout) && shown.stdout.includes(` mtu ${this.#mtu} `)) return undefined
    const { status, stderr } = await this.#runIp([
      'link',
      'set',
      'dev',
      this.name,
      'mtu',
      String(this.#mtu),
      'up',
    ])
    if (status === 0) return undefined
    return this.#withPort(reasonOf(stderr))
  }

  #withPort(reason: string): string {
    return IN_USE.test(reason) ? `UDP port ${this.#port} is another program’s: ${reason}` : reason
  }

  async #turnIpv6On(): Promise<string | undefined> {
    if (!(await isIpv6Off(this.name))) return undefined
    return (await turnIpv6On(this.name))?.reason
  }
}

/** Ends the process that carries the interface. One that can't be reached goes on, and the next start finds its interface. */
export function endWireguardGo(name: string): void {
  try {
    rmSync(`${SOCKETS}/${name}.sock`, { force: true })
  } catch {
    // it is another user's
  }
}

/** No name of a sit device is like it: those are numbers, and `all`. */
export function wireguardDevice(devicePrefix: string): string {
  return `${devicePrefix}${SUFFIX}`
}

/** Whether it is the name for some device prefix. */
export function isWireguardDevice(device: string): boolean {
  return device.length > SUFFIX.length && device.endsWith(SUFFIX)
}
