import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { LinkFault } from '../../tunnel/interface.ts'

export const RULES_TABLE = 'ip6 freenet6_wg'
/** Far enough for what lies behind a client. */
const HOPS_BEHIND_A_CLIENT = 16
const LOST =
  'WireGuard goes on without the MSS of TCP lowered, so that pages may hang, without an early end of loops between' +
  ' clients, and with ‘no route’ for ‘address unreachable’; install nftables, or mend what it says'

const LOST_ANSWER = 'WireGuard’s unused addresses are answered with ‘no route’ for ‘address unreachable’'
const HOOKS = {
  clamp: 'type filter hook forward priority mangle',
  unused: 'type filter hook prerouting priority filter',
} as const

interface Rule {
  readonly chain: keyof typeof HOOKS
  /** How the rule begins, in the words that every version of nft lists it with. */
  readonly match: string
  readonly action: string
}

/**
 * Puts the rules of packets that a device carries, or that find no tunnel on it, unless they stand. Returns what is lost
 * and why, if that did not work: without them tunnels work all the same.
 */
export async function putPacketRules(
  run: RunNft,
  { device, pools }: { readonly device: string; readonly pools: readonly string[] },
): Promise<LinkFault | undefined> {
  const rules = rulesOf(device, pools)
  const { status, stdout } = await run(['list', 'table', ...RULES_TABLE.split(' ')])
  if (status === 0 && rules.every(({ match }) => stdout.includes(match))) return undefined
  const reason = await put(run, rules)
  if (reason === undefined) return undefined
  // Before Linux 5.9 no packet can be refused where it comes in.
  const isRest =
    (await put(
      run,
      rules.filter(({ chain }) => chain === 'clamp'),
    )) === undefined
  return { device, reason: `${isRest ? LOST_ANSWER : LOST}: ${reason}`, isMinor: true }
}

function put(run: RunNft, rules: readonly Rule[]): Promise<string | undefined> {
  const chains = new Set(rules.map(({ chain }) => chain))
  return runTransaction(run, [
    `add table ${RULES_TABLE}`,
    `delete table ${RULES_TABLE}`,
    `add table ${RULES_TABLE}`,
    ...Array.from(chains, chain => `add chain ${RULES_TABLE} ${chain} { ${HOOKS[chain]}; policy accept; }`),
    ...rules.map(({ chain, match, action }) => `add rule ${RULES_TABLE} ${chain} ${match} ${action}`),
  ])
}

/**
 * The MSS of TCP connections through the device is lowered to what their routes carry, in both directions, for those
 * whose too-big messages are lost on the way (RFC 4459 3.4). A packet from one client to another has few hops left: which
 * of them come back to their sender the device alone knows, and a loop between the two ends of a tunnel (RFC 6324 3) is
 * over soon. What goes to an address of the pools that no tunnel has is answered 'address unreachable' (RFC 4443 3.1): the
 * kernel's own answer for an unreachable route is 'no route'.
 */
function rulesOf(device: string, pools: readonly string[]): readonly Rule[] {
  const segment = 'flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  const hops = HOPS_BEHIND_A_CLIENT
  return [
    { chain: 'clamp', match: `iifname "${device}" tcp`, action: segment },
    { chain: 'clamp', match: `oifname "${device}" tcp`, action: segment },
    {
      chain: 'clamp',
      match: `iifname "${device}" oifname "${device}" ip6 hoplimit > ${hops}`,
      action: `ip6 hoplimit set ${hops}`,
    },
    ...pools.map(
      (pool): Rule => ({
        chain: 'unused',
        match: `ip6 daddr ${pool} fib daddr type unreachable`,
        action: 'reject with icmpv6 addr-unreachable',
      }),
    ),
  ]
}
