import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { KNOTD } from './secondaries/knotd.ts'
import { NAMED } from './secondaries/named.ts'
import { NSD } from './secondaries/nsd.ts'
import { PDNS } from './secondaries/pdns.ts'
import { UNBOUND } from './secondaries/unbound.ts'
import { YADIFAD } from './secondaries/yadifad.ts'
import type { Followed, Place, SecondaryKind } from './secondary-kind.ts'

const STOP_TIMEOUT_MS = 10_000

const KINDS = {
  knotd: KNOTD,
  named: NAMED,
  nsd: NSD,
  yadifad: YADIFAD,
  pdns: PDNS,
  unbound: UNBOUND,
} satisfies Readonly<Record<string, SecondaryKind>>

export type SecondaryName = keyof typeof KINDS

/** Somebody else's nameserver as a secondary of ours, on an address of loopback of its own. `await using` ends it. */
export class SecondaryServer {
  readonly name: SecondaryName
  readonly endpoint: Endpoint
  readonly #directory: string
  #child: ChildProcess | undefined
  #output = ''

  private constructor(name: SecondaryName, place: Place) {
    this.name = name
    this.endpoint = { address: place.address, port: place.port }
    this.#directory = place.directory
  }

  /** Where it will be told of changes; it is started by `start`. */
  static async prepare(name: SecondaryName, parent: string): Promise<SecondaryServer> {
    const directory = join(parent, name)
    mkdirSync(directory)
    return new SecondaryServer(name, { address: KINDS[name].address, port: await freePort(), directory })
  }

  start(followed: Followed): void {
    const { command, config, prepare } = KINDS[this.name]
    const place = { ...this.endpoint, directory: this.#directory }
    prepare?.(followed, place)
    const file = join(this.#directory, `${this.name}.conf`)
    writeFileSync(file, config(followed, place))
    const [program, ...args] = command(file)
    const child = spawn(program, args, { cwd: this.#directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    const take = (text: string) => {
      this.#output += text
    }
    child.stdout?.setEncoding('latin1').on('data', take)
    child.stderr?.setEncoding('latin1').on('data', take)
    this.#child = child
  }

  /** How many transfers of each kind its log tells of. */
  get transfers(): { readonly full: number; readonly incremental: number } {
    const { full, incremental } = KINDS[this.name]
    return { full: this.#count(full), incremental: this.#count(incremental) }
  }

  /** How many transfers it gave up for a reason of its own, by its log. */
  get ownFaults(): number {
    return this.#count(KINDS[this.name].ownFault)
  }

  #count(line: RegExp | undefined): number {
    return (line && this.#output.match(line)?.length) ?? 0
  }

  get isUnsigned(): boolean {
    return KINDS[this.name].isUnsigned ?? false
  }

  /** Where it writes a zone, if that is the only way to see all of it. */
  zoneFile(zone: string): string | undefined {
    return KINDS[this.name].zoneFile?.(zone, this.#directory)
  }

  /** The last lines of its log about a thing. */
  linesAbout(word: string): string {
    const lines = this.#output.split('\n').filter(line => line.includes(word))
    return [`${this.name} (${this.#child?.exitCode ?? 'running'})`, ...lines.slice(-30)].join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}
