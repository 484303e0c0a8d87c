import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { LinkFault } from '../../tunnel/interface.ts'

export const CLAMP_TABLE = 'ip6 freenet6_wg'
/** Far enough for what lies behind a client. */
const HOPS_BEHIND_A_CLIENT = 16
const LOST =
  'WireGuard goes on without the MSS of TCP lowered, so that pages may hang, and without an early end of loops between' +
  ' clients; install nftables, or mend what it says'

/**
 * Lowers the MSS of TCP connections through a device to what their routes carry, in both directions, for those whose
 * too-big messages are lost on the way (RFC 4459 3.4). A packet from one client to another has few hops left: which of
 * them come back to their sender the device alone knows, and a loop between the two ends of a tunnel (RFC 6324 3) is over
 * soon. Returns what is lost and why, if that did not work: without it tunnels work all the same.
 */
export async function clampForwarded(run: RunNft, device: string): Promise<LinkFault | undefined> {
  const segment = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  const hops = HOPS_BEHIND_A_CLIENT
  const rules = [
    { match: `iifname "${device}" tcp`, text: `iifname "${device}" ${segment}` },
    { match: `oifname "${device}" tcp`, text: `oifname "${device}" ${segment}` },
    {
      match: `iifname "${device}" oifname "${device}" ip6 hoplimit > ${hops}`,
      text: `iifname "${device}" oifname "${device}" ip6 hoplimit > ${hops} ip6 hoplimit set ${hops}`,
    },
  ]
  const { status, stdout } = await run(['list', 'table', ...CLAMP_TABLE.split(' ')])
  if (status === 0 && rules.every(({ match }) => stdout.includes(match))) return undefined
  const reason = await runTransaction(run, [
    `add table ${CLAMP_TABLE}`,
    `delete table ${CLAMP_TABLE}`,
    `add table ${CLAMP_TABLE}`,
    `add chain ${CLAMP_TABLE} clamp { type filter hook forward priority mangle; policy accept; }`,
    ...rules.map(({ text }) => `add rule ${CLAMP_TABLE} clamp ${text}`),
  ])
  return reason === undefined ? undefined : { device, reason: `${LOST}: ${reason}`, isMinor: true }
}
