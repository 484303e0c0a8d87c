import { keepNote, type Notes } from './kept-note.ts'
import { type IpOutcome, ROUTE_PROTOCOL, type RunIp, reasonOf, runIp } from './kernel/ip-command.ts'
import { sharedDevice } from './kind/sit/shared-device.ts'
import { isSitDevice } from './kind/sit/sit-leftovers.ts'
import { PROTOCOL as PEER_PROTOCOL } from './kind/wireguard/peer-routes.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

const NAME = 'former-tunnels'
const STAND = 'stand'
/** Devices that a refusal names. */
const NAMED = 5
/** In place of `ip` there is something that can't be asked this. */
const NO_SUCH_QUESTION = /is unknown, try "ip help"/

/**
 * Keeps a table that has only just been made from taking the kernel's tunnels for strays: beside a data_dir that is mistyped,
 * or whose disk is not mounted, these are everybody's. A table that has rows knows which are its own.
 */
export class FormerTunnels {
  readonly #store: Notes
  readonly #dataDir: string
  readonly #devicePrefix: string
  readonly #run: RunIp
  readonly #log: Pick<Log, 'warn'>
  #mayStand: boolean
  #looking: Promise<string | undefined> | undefined

  constructor(parts: {
    readonly store: Notes & Pick<TunnelStore, 'isAbsent'>
    /** Neither it nor a process before has ever had a tunnel. */
    readonly isNew: boolean
    readonly dataDir: string
    readonly devicePrefix: string
    readonly run?: RunIp
    readonly log: Pick<Log, 'warn'>
  }) {
    this.#store = parts.store
    this.#dataDir = parts.dataDir
    this.#devicePrefix = parts.devicePrefix
    this.#run = parts.run ?? runIp
    this.#log = parts.log
    // What was registered while they stood makes them no more ours.
    this.#mayStand = !parts.store.isAbsent && (parts.isNew || parts.store.secret(NAME) === STAND)
  }

  /** A sentence if the kernel has tunnels that this table can't know; undefined: it has none, and what comes is ours. */
  refusal(): Promise<string | undefined> {
    if (!this.#mayStand) return Promise.resolve(undefined)
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<string | undefined> {
    const devices = await this.#devices()
    if (typeof devices === 'string')
      return `whether this kernel has tunnels of another table can't be told: ${devices}`
    this.#mayStand = devices.length > 0
    this.#note(this.#mayStand ? STAND : '')
    if (!this.#mayStand) return undefined
    const named = devices.slice(0, NAMED)
    const more = devices.length > NAMED ? ', …' : ''
    const remedy = named.map(device => `ip link delete ${device}`).join('; ')
    return `this kernel has tunnels (${named.join(', ')}${more}), and the table in ${this.#dataDir} is new: they would all be taken away. If they have another table, mount its disk or correct data_dir, and start freenet6 anew; if they are nobody's, delete what they lead through: ${remedy}${more}`
  }

  /** What tunnels lead through, of both kinds and layouts; a text: why that can't be told. */
  async #devices(): Promise<readonly string[] | string> {
    const devices = new Set<string>()
    for (const protocol of [ROUTE_PROTOCOL, PEER_PROTOCOL]) {
      const routes = await this.#run(['-6', 'route', 'show', 'proto', protocol])
      if (isUntold(routes)) return reasonOf(routes.stderr)
      for (const [, device = ''] of routes.stdout.matchAll(/^(?!unreachable).* dev (\S+)/gm))
        devices.add(device)
    }
    const links = await this.#run(['-brief', 'link', 'show', 'type', 'sit'])
    if (isUntold(links)) return reasonOf(links.stderr)
    const shared = sharedDevice(this.#devicePrefix) // stands without tunnels, too
    for (const [device] of links.stdout.matchAll(/^[^\s@]+/gm)) {
      if (device !== shared && isSitDevice(device, this.#devicePrefix)) devices.add(device)
    }
    return [...devices]
  }

  #note(value: string): void {
    const what = 'whether the kernel has tunnels of another table'
    keepNote({ name: NAME, value, what }, { store: this.#store, log: this.#log })
  }
}

/** A call that failed says nothing of what there is. */
function isUntold({ status, stderr }: IpOutcome): boolean {
  return status !== 0 && !NO_SUCH_QUESTION.test(stderr)
}
