import { mtuOf, type Outer, ROUTE_PROTOCOL } from '../../kernel/ip-command.ts'
import { LastingChild } from '../../shared/lasting-child.ts'
import type { Link } from '../../tunnel/interface.ts'

/** What was last heard of a device. */
interface Heard {
  /** Its own end, the other end and its state as one text; `gone` if it was deleted. Undefined: nothing was heard. */
  readonly ends?: string
  /** The global address that it has lost, if it has not been given it again. */
  readonly lost?: string | undefined
  /** The routed prefix whose route it has lost, if that is not there again. */
  readonly unrouted?: string | undefined
}

type Sight = { readonly kind: 'all' } | ({ readonly kind: 'device'; readonly device: string } & Heard)

/** Time for our own changes to come to their end: the kernel tells of each step. */
const SETTLE_MS = 500
const GONE = 'gone'

const LOST_FILTER = /^delete (?:table|chain|rule) ip6 freenet6\b/
const LINK = /^(Deleted )?\d+: ([\w.-]+)@\S+ <(\S*)> mtu (\d+) .*link\/sit ([\d.]+)(?: peer ([\d.]+))?/
const ROUTE = new RegExp(`^(Deleted )?([0-9a-f:]+/\\d+) dev ([\\w.-]+) .*proto ${ROUTE_PROTOCOL}\\b`)
const ADDRESS = /^(Deleted )?\d+: ([\w.-]+) +inet6 ([0-9a-f:.]+)\/\d+ scope global/

/**
 * Listens to what the kernel tells of the devices and of the filter in the layout of a device a tunnel, and calls
 * `harmed` when something is not as we made it any more.
 */
export class DeviceWatch {
  readonly #outer: Outer
  readonly #linkOf: (device: string) => Link | undefined
  readonly #isChanging: () => boolean
  readonly #harmed: () => void
  readonly #children: readonly LastingChild[]
  #heard = new Map<string, Heard>()
  #isAllInDoubt = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: {
    readonly outer: Outer
    /** The blocks that tunnels' addresses and routed prefixes are taken from, as text. */
    readonly pools: readonly string[]
    /** What we have made of a device; undefined: it is not ours, or is to be gone. */
    readonly linkOf: (device: string) => Link | undefined
    /** Whether a change of our own is under way. */
    readonly isChanging: () => boolean
    readonly harmed: () => void
  }) {
    this.#outer = options.outer
    this.#linkOf = options.linkOf
    this.#isChanging = options.isChanging
    this.#harmed = options.harmed
    const lostRoute = new RegExp(`^Deleted (?:blackhole|unreachable) (?:${options.pools.join('|')}) `)
    const heard = (line: string) => this.#note(lostRoute.test(line) ? { kind: 'all' } : sightOf(line))
    const restarted = () => this.#note({ kind: 'all' })
    this.#children = [
      new LastingChild({ command: 'nft', args: ['monitor'], heard, restarted }),
      new LastingChild({
        command: 'ip',
        args: ['-oneline', '-6', 'monitor', 'link', 'address', 'route'],
        heard,
        restarted,
      }),
    ]
  }

  stop(): void {
    clearTimeout(this.#timer)
    for (const child of this.#children) child.stop()
  }

  #note(sight: Sight | undefined): void {
    if (sight === undefined) return
    if (sight.kind === 'all') this.#isAllInDoubt = true
    else this.#heard.set(sight.device, { ...this.#heard.get(sight.device), ...sight })
    this.#timer ??= this.#judgeLater()
  }

  #judgeLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined
      if (this.#isChanging()) this.#timer = this.#judgeLater()
      else this.#judge()
    }, SETTLE_MS).unref()
  }

  #judge(): void {
    const isHarm =
      this.#isAllInDoubt || [...this.#heard].some(([device, heard]) => this.#isHarm(device, heard))
    this.#heard = new Map()
    this.#isAllInDoubt = false
    if (isHarm) this.#harmed()
  }

  #isHarm(device: string, { ends, lost, unrouted }: Heard): boolean {
    const link = this.#linkOf(device)
    if (link === undefined) return false
    const { serverIpv4 } = this.#outer
    const mtu = mtuOf(link, this.#outer)
    const wanted = endsText({ isUp: true, mtu, local: serverIpv4, remote: link.ipv4Client })
    if (unrouted !== undefined && unrouted === link.routedPrefix) return true
    return lost === link.ipv6Server || (ends !== undefined && ends !== wanted)
  }
}

function sightOf(line: string): Sight | undefined {
  if (LOST_FILTER.test(line)) return { kind: 'all' }
  const [, isGone, device, flags = '', mtu, local = '', remote = ''] = LINK.exec(line) ?? []
  if (device !== undefined) {
    const isUp = flags.split(',').includes('UP')
    const ends = isGone === undefined ? endsText({ isUp, mtu: Number(mtu), local, remote }) : GONE
    return { kind: 'device', device, ends }
  }
  const [, isUnrouted, prefix, into] = ROUTE.exec(line) ?? []
  if (into !== undefined)
    return { kind: 'device', device: into, unrouted: isUnrouted === undefined ? undefined : prefix }
  const [, isLost, owner, address] = ADDRESS.exec(line) ?? []
  if (owner === undefined) return undefined
  return { kind: 'device', device: owner, lost: isLost === undefined ? undefined : address }
}

function endsText(ends: {
  readonly isUp: boolean
  readonly mtu: number
  readonly local: string
  readonly remote: string
}): string {
  return `${ends.isUp ? 'up' : 'down'} ${ends.mtu} ${ends.local} ${ends.remote}`
}
