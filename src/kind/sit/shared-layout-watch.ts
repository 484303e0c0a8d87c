import { parsePrefix } from '../../address/prefix.ts'
import { LastingChild } from '../../shared/lasting-child.ts'
import { networkOf } from './shared-layout-entry.ts'
import { keyOf } from './shared-layout-filter.ts'
import { PROTOCOL } from './shared-layout-routes.ts'

/** What a line of a monitor says: of what all tunnels stand on, or of one element or route, by its key or network. */
type Sight =
  | { readonly kind: 'all' }
  | { readonly kind: 'one'; readonly id: string; readonly isThere: boolean }

/** Time for us to write down our own changes, of which the kernel tells too. */
const SETTLE_MS = 500
/** A monitor is taken to hear all from this time after its start on. */
const START_MS = 3000

const LOST_FILTER = /^delete (?:table|chain|set|rule) ip freenet6\b/
const ELEMENT = /^(add|delete) element ip freenet6 tunnels \{ ([\d.]+) \. 0x([0-9a-f]{1,16})/
const ROUTE = new RegExp(`^(Deleted )?(?:local )?([0-9a-f:]+(?:/\\d+)?) .*proto ${PROTOCOL}\\b`)

/** Listens to what the kernel tells of its tables, and calls `harmed` when they are not as we made them any more. */
export class SharedLayoutWatch {
  readonly #device: string
  readonly #isWanted: (id: string) => boolean
  readonly #harmed: () => void
  readonly #children: readonly LastingChild[]
  /** Whether an element or a route is there, as last heard. */
  #seen = new Map<string, boolean>()
  #isAllInDoubt = false
  #timer: NodeJS.Timeout | undefined

  /** `isWanted` tells of an element's key, or a route's network, whether there should be one. */
  constructor(options: {
    readonly device: string
    readonly isWanted: (id: string) => boolean
    readonly harmed: () => void
  }) {
    this.#device = options.device
    this.#isWanted = options.isWanted
    this.#harmed = options.harmed
    const heard = (line: string) => this.#note(sightOf(line, this.#device))
    const restarted = () => this.#note({ kind: 'all' })
    this.#children = [
      new LastingChild({ command: 'nft', args: ['monitor'], heard, restarted }),
      new LastingChild({ command: 'ip', args: ['-6', 'monitor', 'link', 'route'], heard, restarted }),
    ]
  }

  /** The time, by performance.now(), from which both monitors hear all: a restart puts it off. Infinity: one is not there. */
  get hearsAllSince(): number {
    const starts = this.#children.map(child => child.runningSince ?? Number.POSITIVE_INFINITY)
    return Math.max(...starts) + START_MS
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
    if (sight.kind === 'all') this.#isAllInDoubt = true
    else this.#seen.set(sight.id, sight.isThere)
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
    return this.#isAllInDoubt || [...this.#seen].some(([id, isThere]) => this.#isWanted(id) !== isThere)
  }
}

function sightOf(line: string, device: string): Sight | undefined {
  if (LOST_FILTER.test(line)) return { kind: 'all' }
  const [, verb, endpoint, digits] = ELEMENT.exec(line) ?? []
  if (endpoint !== undefined && digits !== undefined) {
    const id = keyOf({ endpoint, network: digits.padStart(16, '0') })
    return { kind: 'one', id, isThere: verb === 'add' }
  }
  const [, deleted, destination] = ROUTE.exec(line) ?? []
  const prefix = destination === undefined ? undefined : parsePrefix(destination)
  if (prefix !== undefined) {
    return { kind: 'one', id: networkOf(prefix.octets), isThere: deleted === undefined }
  }
  const isOfDevice = line.includes(`: ${device}@`) || line.includes(`: ${device}:`)
  return isOfDevice ? { kind: 'all' } : undefined
}
