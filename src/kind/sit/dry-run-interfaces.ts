import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { poolRouteArguments } from '../../kernel/forwarding.ts'
import { addCommands, changeCommands, deleteCommand, type Outer } from '../../kernel/ip-command.ts'
import type { Log } from '../../shared/log.ts'
import type { Interfaces, Link, LinkFault, Reconciliation } from '../../tunnel/interface.ts'

const RECORD_LENGTH = 1000
/** Commands of one call that are written to the log. */
const LOGGED_COMMANDS = 10

/**
 * Interfaces that exist in memory alone: for trying the broker out without rights, without Linux, or without harm.
 * What the kernel would have been asked is in the log and in `record`.
 */
export class DryRunInterfaces implements Interfaces {
  readonly kind = 'dry-run'
  readonly #log: Log
  readonly #outer: Outer
  readonly #prefix: Prefix
  /** Remotes by device: all else follows from the device. */
  readonly #remotes = new Map<string, string>()
  readonly #record: string[] = []

  constructor(options: {
    readonly log: Log
    readonly serverIpv4: string
    readonly mtu: number
    readonly prefix: Prefix
  }) {
    this.#log = options.log
    this.#outer = { serverIpv4: options.serverIpv4, mtu: options.mtu }
    this.#prefix = options.prefix
  }

  /** The last commands that the kernel would have been asked, without the leading `ip`, oldest first. */
  get record(): readonly string[] {
    return this.#record.slice(-RECORD_LENGTH)
  }

  async prepare(): Promise<readonly LinkFault[]> {
    this.#note([this.#prefix], prefix => [poolRouteArguments('blackhole', formatPrefix(prefix)).join(' ')])
    return []
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    for (const link of links) this.#remotes.set(link.device, link.ipv4Client)
    this.#note(links, link => addCommands(link, this.#outer))
    return []
  }

  async changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    for (const link of links) this.#remotes.set(link.device, link.ipv4Client)
    this.#note(links, link => changeCommands(link, undefined, this.#outer))
    return []
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const there = devices.filter(device => this.#remotes.delete(device))
    this.#note(there, device => [deleteCommand(device)])
    return []
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    const names = new Set(wanted.map(link => link.device))
    const removed = [...this.#remotes.keys()].filter(device => !names.has(device))
    const amiss = wanted.filter(link => this.#remotes.get(link.device) !== link.ipv4Client)
    const wrong = amiss.map(link => link.device).filter(device => this.#remotes.has(device))
    await this.remove([...removed, ...wrong])
    await this.create(amiss)
    return { made: amiss.map(link => link.device), removed, faults: [] }
  }

  /** Commands are written out for as many as the record holds: a start with a million links has other work. */
  #note<T>(targets: readonly T[], commandsOf: (target: T) => readonly string[]): void {
    if (targets.length === 0) return
    const commands = targets.slice(-RECORD_LENGTH).flatMap(commandsOf)
    this.#record.push(...commands)
    if (this.#record.length > 2 * RECORD_LENGTH) this.#record.splice(0, this.#record.length - RECORD_LENGTH)
    const shown = commands.slice(0, LOGGED_COMMANDS)
    this.#log.info({ commands: shown, links: targets.length }, 'dry run: ip would be asked')
  }
}
