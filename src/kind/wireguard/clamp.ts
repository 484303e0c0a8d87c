import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'

export const CLAMP_TABLE = 'ip6 freenet6_wg'

/**
 * Lowers the MSS of TCP connections through a device to what their routes carry, in both directions, for those whose
 * too-big messages are lost on the way (RFC 4459 3.4). Returns why that did not work: without it tunnels work all the same.
 */
export async function clampSegments(run: RunNft, device: string): Promise<string | undefined> {
  const rules = [
    `iifname "${device}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
    `oifname "${device}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
  ]
  const { status, stdout } = await run(['list', 'table', ...CLAMP_TABLE.split(' ')])
  if (status === 0 && rules.every(rule => stdout.includes(rule.slice(0, rule.indexOf(' tcp')))))
    return undefined
  return runTransaction(run, [
    `add table ${CLAMP_TABLE}`,
    `delete table ${CLAMP_TABLE}`,
    `add table ${CLAMP_TABLE}`,
    `add chain ${CLAMP_TABLE} clamp { type filter hook forward priority mangle; policy accept; }`,
    ...rules.map(rule => `add rule ${CLAMP_TABLE} clamp ${rule}`),
  ])
}
