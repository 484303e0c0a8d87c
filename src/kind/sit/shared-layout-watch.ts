import { parsePrefix } from '../../address/prefix.ts'
import { HEARS_ALL_MS, LastingChild } from '../../shared/lasting-child.ts'
import { networkOf } from './shared-layout-entry.ts'
import { PROTOCOL } from './shared-layout-routes.ts'

/** One of our routes or elements: of this /64, and if it names one, to or from this endpoint. */
export interface Target {
  readonly network: string
  readonly endpoint: string | undefined
}

/**
 * What a line of a monitor says: of what all tunnels stand on, of one element or route, or of a route that is not ours
 * and may have taken the place of one that is.
 */
type Sight =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'one'
      readonly what: 'element' | 'route'
      readonly target: Target
      readonly isThere: boolean
    }
  | { readonly kind: 'foreign'; readonly target: Target }

/** Time for us to write down our own changes, of which the kernel tells too. */
const SETTLE_MS = 500

const LOST_FILTER = /^delete (?:table|chain|set|rule) ip6? freenet6\b/
const ELEMENT = /^(add|delete) element ip freenet6 tunnels \{ ([\d.]+) \. 0x([0-9a-f]{1,16})/
const ROUTE = /^(Deleted )?(?:(?:local|unreachable|blackhole) )?([0-9a-f:]+(?:\/\d+)?) (.*)/
const OURS = new RegExp(`\\bproto ${PROTOCOL}\\b`)
const GATEWAY = /\bvia ::(\d+\.\d+\.\d+\.\d+) /

/** Listens to what the kernel tells of its tables, and calls `harmed` when they are not as we made them any more. */
export class SharedLayoutWatch {
  readonly #isWanted: (target: Target) => boolean
  readonly #harmed: () => void
  readonly #children: readonly LastingChild[]
  /** Whether an element or a route is there, as last heard. */
  #seen = new Map<string, { readonly target: Target; readonly isThere: boolean }>()
  #isAllInDoubt = false
  #timer: NodeJS.Timeout | undefined

  /** `isWanted` tells whether there should be such an element or route. */
  constructor(options: {
    readonly device: string
    /** The block that tunnels' addresses are taken from, as text. */
    readonly pool: string
    readonly isWanted: (target: Target) => boolean
    readonly harmed: () => void
  }) {
    this.#isWanted = options.isWanted
    this.#harmed = options.harmed
    const heard = (line: string) => this.#note(sightOf(line, options))
    const restarted = () => this.#note({ kind: 'all' })
    this.#children = [
      new LastingChild({ command: 'nft', args: ['monitor'], heard, restarted }),
      new LastingChild({ command: 'ip', args: ['-6', 'monitor', 'link', 'route'], heard, restarted }),
    ]
  }

  /** The time, by performance.now(), from which both monitors hear all: a restart puts it off. Infinity: one is not there. */
  get hearsAllSince(): number {
    const starts = this.#children.map(child => child.runningSince ?? Number.POSITIVE_INFINITY)
    return Math.max(...starts) + HEARS_ALL_MS
  }

  /** Whether both monitors run, and have told of nothing amiss that `harmed` has not been called for. */
  get isQuiet(): boolean {
    return this.#children.every(child => child.isRunning) && !this.#isHarm()
  }

  stop(): void {
    clearTimeout(this.#timer)
    for (const child of this.#children) child.stop()
  }

  #note(sight: Sight | undefined): void {
    if (sight === undefined) return
    if (sight.kind === 'foreign' && !this.#isWanted(sight.target)) return
    if (sight.kind === 'one') this.#seen.set(keyOf(sight), sight)
    else this.#isAllInDoubt = true
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#judge(), SETTLE_MS)
    this.#timer.unref()
  }

  /** Our own changes are as we want them by now. */
  #judge(): void {
    const isHarm = this.#isHarm()
    this.#seen = new Map()
    this.#isAllInDoubt = false
    this.#timer = undefined
    if (isHarm) this.#harmed()
  }

  #isHarm(): boolean {
    return (
      this.#isAllInDoubt ||
      [...this.#seen.values()].some(({ target, isThere }) => this.#isWanted(target) !== isThere)
    )
  }
}

function keyOf({ what, target }: { readonly what: string; readonly target: Target }): string {
  return `${what} ${target.endpoint} ${target.network}`
}

function sightOf(line: string, { device, pool }: { device: string; pool: string }): Sight | undefined {
  if (LOST_FILTER.test(line)) return { kind: 'all' }
  const [, verb, endpoint, digits] = ELEMENT.exec(line) ?? []
  if (endpoint !== undefined && digits !== undefined) {
    const target = { endpoint, network: digits.padStart(16, '0') }
    return { kind: 'one', what: 'element', target, isThere: verb === 'add' }
  }
  const isOfDevice = line.includes(`: ${device}@`) || line.includes(`: ${device}:`)
  return isOfDevice ? { kind: 'all' } : routeSight(line, pool)
}

function routeSight(line: string, pool: string): Sight | undefined {
  const [, deleted, destination, rest = ''] = ROUTE.exec(line) ?? []
  if (destination === undefined) return undefined
  if (destination === pool) return deleted === undefined ? undefined : { kind: 'all' }
  const prefix = parsePrefix(destination)
  if (prefix === undefined) return undefined
  const target = { endpoint: GATEWAY.exec(rest)?.[1], network: networkOf(prefix.octets) }
  if (OURS.test(rest)) return { kind: 'one', what: 'route', target, isThere: deleted === undefined }
  const isNetwork = destination.endsWith('/64') && deleted === undefined
  return isNetwork ? { kind: 'foreign', target: { ...target, endpoint: undefined } } : undefined
}
