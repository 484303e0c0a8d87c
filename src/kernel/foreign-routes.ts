import type { Log } from '../shared/log.ts'
import { isPoolRoute } from './forwarding.ts'
import type { RunIp } from './ip-command.ts'

/** Which of these networks may have another program's route: `2001:db8:f6:7::/64`, and no longer list than FEW. */
export type Suspect = (networks: readonly string[]) => Promise<readonly string[]>

/** Networks that are looked up one by one; for more of them the whole table is read. */
export const FEW = 64
/** Networks whose routes are told at a time. */
const NAMED = 10
/** Routes that are remembered as told. */
const REMEMBERED = 1000
const BARRED = /(?:Invalid argument|Permission denied)\nCommand failed -:(\d+)/g
const DESTINATION = /^(?:(?:blackhole|unreachable|prohibit|throw) )?(\S+)/

/**
 * Routes of other programs to a tunnel's networks. The tunnel's own takes the place of one with the same metric, and one
 * with a lower metric leads away what is meant for the client: each is told once, before the tunnel's own is put.
 */
export class ForeignRoutes {
  readonly #isOurs: (route: string) => boolean
  readonly #run: RunIp
  readonly #suspect: Suspect
  readonly #log: Pick<Log, 'warn'>
  readonly #told = new Set<string>()

  constructor(options: {
    /** What marks our routes. */
    readonly protocol: string
    readonly run: RunIp
    /** In place of a look by the program `ip`. */
    readonly suspect?: Suspect | undefined
    readonly log: Pick<Log, 'warn'>
  }) {
    const ours = new RegExp(` proto ${options.protocol} `)
    this.#isOurs = route => ours.test(route) || isPoolRoute(route)
    this.#run = options.run
    this.#suspect = options.suspect ?? (networks => this.#lookUp(networks))
    this.#log = options.log
  }

  /** Tells of those to these networks. What can't be read is not told of. */
  async tell(networks: readonly string[]): Promise<void> {
    if (networks.length === 0) return
    const suspects = await (networks.length > FEW ? this.#inTable(networks) : this.#suspect(networks))
    for (const network of suspects.slice(0, NAMED)) await this.#tellOf(network)
  }

  async #tellOf(network: string): Promise<void> {
    const { stdout } = await this.#run(['-6', 'route', 'show', 'exact', network])
    for (const route of this.#foreignIn(stdout)) {
      if (this.#told.has(route)) continue
      if (this.#told.size >= REMEMBERED) this.#told.clear()
      this.#told.add(route)
      this.#log.warn(
        { network, route },
        'another program has a route to a tunnel’s network: the tunnel’s own takes its place if both have one metric',
      )
    }
  }

  /** By one call of `ip`, which fails at an address that no route leads to, and for another reason at a blackhole. */
  async #lookUp(networks: readonly string[]): Promise<readonly string[]> {
    const lines = networks.map(network => `route get fibmatch ${hostIn(network)}\n`)
    const { stdout, stderr } = await this.#run(['-6', '-force', '-batch', '-'], lines.join(''))
    const barred = new Set(Array.from(stderr.matchAll(BARRED), ([, line]) => networks[Number(line) - 1]))
    const foreign = new Set(this.#among(networks, stdout))
    return networks.filter(network => foreign.has(network) || barred.has(network))
  }

  async #inTable(networks: readonly string[]): Promise<readonly string[]> {
    const { stdout } = await this.#run(['-6', 'route', 'show', 'table', 'main'])
    return this.#among(networks, stdout)
  }

  #among(networks: readonly string[], routes: string): readonly string[] {
    const there = new Set(this.#foreignIn(routes).map(route => DESTINATION.exec(route)?.[1]))
    return networks.filter(network => there.has(network))
  }

  /** A route with several ways has a line for each of them, set in. */
  #foreignIn(routes: string): readonly string[] {
    return routes
      .replaceAll(/\n\s+/g, ' ')
      .split('\n')
      .map(route => route.trimEnd())
      .filter(route => route !== '' && !this.#isOurs(`${route} `))
  }
}

/** The client's address in `2001:db8:f6:7::/64`, and one of its routed prefix's. */
export function hostIn(network: string): string {
  return network.replace(/::\/\d+$/, '::2')
}
