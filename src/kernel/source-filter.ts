import { createHash } from 'node:crypto'
import { ChildFault, runChild } from '../shared/child.ts'
import type { LinkFault } from '../tunnel/interface.ts'

const DEADLINE_MS = 10_000
const MAX_REASON_LENGTH = 200
const DIGEST_DIGITS = 16

/**
 * The rules, in nft's own words. Source: what comes out of a tunnel must have a source address that is routed into
 * that tunnel (BCP 38). Loop: what came out of a tunnel and would be routed back into it is dropped (RFC 6324 3.2,
 * RFC 4443 3.1); the server's own address in it does not pass through `forward`. All clients of WireGuard share one
 * device, so that what goes from one to another is no loop. Clamp: TCP connections have an MSS that their routes carry,
 * in both directions. Each rule bears a digest of all, by which those that stand are known.
 */
export function sourceFilterRules(devicePrefix: string): string {
  const chains = chainsOf(devicePrefix).map(
    ({ name, hook, rules }) => `  chain ${name} {
    type filter hook ${hook}; policy accept;
${rules.map(rule => `    ${rule}${markOf(devicePrefix)}\n`).join('')}  }
`,
  )
  return `table ip6 freenet6
delete table ip6 freenet6
table ip6 freenet6 {
${chains.join('')}}
`
}

function chainsOf(devicePrefix: string) {
  const segment = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  const ours = `iifname "${devicePrefix}*"`
  return [
    {
      name: 'source',
      hook: 'prerouting priority raw',
      rules: [`${ours} fib saddr . iif oif missing counter drop`],
    },
    {
      name: 'loop',
      hook: 'forward priority filter',
      rules: [`${ours} iifname != "${devicePrefix}wg" fib daddr . iif oif exists counter drop`],
    },
    {
      name: 'clamp',
      hook: 'forward priority mangle',
      rules: [`${ours} ${segment}`, `oifname "${devicePrefix}*" ${segment}`],
    },
  ]
}

function markOf(devicePrefix: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(chainsOf(devicePrefix)))
    .digest('hex')
  return ` comment "rules ${digest.slice(0, DIGEST_DIGITS)}"`
}

/** Whether a listing of the table has the rules, each of them and no other, whoever put them in. */
function isAsWanted(listing: string, devicePrefix: string): boolean {
  const chains = chainsOf(devicePrefix)
  const lines = listing.split('\n')
  const inner = lines.filter(line => line.startsWith('\t\t'))
  const rules = inner.filter(line => !line.startsWith('\t\ttype '))
  const mark = markOf(devicePrefix)
  return (
    inner.length - rules.length === chains.length &&
    rules.length === chains.flatMap(chain => chain.rules).length &&
    rules.every(rule => rule.endsWith(mark)) &&
    !lines.some(line => line.startsWith('\tflags ')) // `dormant`: it filters nothing
  )
}

/**
 * The rules as long as we live: put in if they are absent or were changed, and left alone if they are as we made
 * them, this process or one before it, so that whoever watches hears of nothing.
 */
export class SourceFilter {
  readonly #devicePrefix: string
  readonly #command: string
  readonly #readGeneration: () => Promise<number | undefined>
  /** As nft listed them when we had made them. */
  #listed: string | undefined
  /** The generation of nftables at which they stood. */
  #generation: number | undefined

  /** `readGeneration` gives a number that changes with each change of nftables by anybody: see readNftGeneration. */
  constructor({
    devicePrefix,
    command = 'nft',
    readGeneration = async () => undefined,
  }: {
    readonly devicePrefix: string
    readonly command?: string
    readonly readGeneration?: () => Promise<number | undefined>
  }) {
    this.#devicePrefix = devicePrefix
    this.#command = command
    this.#readGeneration = readGeneration
  }

  /** Returns why nobody can tell that the rules are there. While nothing was changed they are, though nft can't be run. */
  async ensure(): Promise<LinkFault | undefined> {
    const generation = await this.#readGeneration()
    if (generation !== undefined && generation === this.#generation) return undefined
    const standing = await listRules(this.#command)
    if (standing !== undefined && this.#isOurs(standing)) {
      this.#listed = standing
      this.#generation = generation
      return undefined
    }
    this.#generation = undefined
    const fault = await installSourceFilter({ devicePrefix: this.#devicePrefix, command: this.#command })
    const made = await this.#readGeneration()
    this.#listed = fault === undefined ? await listRules(this.#command) : undefined
    if (this.#listed !== undefined) this.#generation = made
    return fault
  }

  /** What a process before this one left is known by its mark: it filters, be it that nft can load nothing now. */
  #isOurs(standing: string): boolean {
    return this.#listed === undefined ? isAsWanted(standing, this.#devicePrefix) : standing === this.#listed
  }
}

/** Puts the rules into the kernel in one step, in place of earlier ones. Returns why that did not work. */
export async function installSourceFilter(options: {
  readonly devicePrefix: string
  /** The program to ask instead of `nft`. */
  readonly command?: string
}): Promise<LinkFault | undefined> {
  const { devicePrefix, command = 'nft' } = options
  const reason = await load(sourceFilterRules(devicePrefix), command)
  if (reason === undefined) return undefined
  return {
    device: `${devicePrefix}*`,
    reason: `no source filter, so no tunnels: ${reason}`,
  }
}

/** Undefined: there are none, or nft does not say. What the counters say is left out. */
async function listRules(command: string): Promise<string | undefined> {
  try {
    const { end, code, stdout } = await runChild(command, ['list', 'table', 'ip6', 'freenet6'], {
      deadlineMs: DEADLINE_MS,
    })
    return end === 'exit' && code === 0 ? stdout.replaceAll(/ packets \d+ bytes \d+/g, '') : undefined
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return undefined
  }
}

async function load(rules: string, command: string): Promise<string | undefined> {
  try {
    const outcome = await runChild(command, ['-f', '-'], { input: rules, deadlineMs: DEADLINE_MS })
    if (outcome.end === 'exit' && outcome.code === 0) return undefined
    return (outcome.stderr.split('\n', 1)[0] || `nft ended: ${outcome.end}`).slice(0, MAX_REASON_LENGTH)
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return error.message
  }
}
