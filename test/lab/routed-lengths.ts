import assert from 'node:assert/strict'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { callApi, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, runQuietly } from './narrator.ts'

/** Of routed prefixes that an operator may give, the shortest and the longest among them. */
export const ROUTED_LENGTHS = [48, 52, 56, 60, 64]

/**
 * Asks for a routed prefix, which is to have this length, for a tunnel that is up on the host; reaches the prefix from the
 * internet at both its ends; gives it back, and reaches it no more. `unused` is what `ping` then says.
 */
export function carryRouted(
  host: Host,
  ticket: Ticket,
  { length, unused = /unreachable/i }: { readonly length: number; readonly unused?: RegExp },
): void {
  const { routed_prefix = '' } = wish(host, ticket, true)
  assert.match(routed_prefix, new RegExp(`/${length}$`))
  const ends = endsOf(routed_prefix)
  for (const end of ends) inside(host, ...`ip -6 addr add ${end}/128 dev lo`.split(' '))
  // The kernel puts an address's own route in after `ip` has ended: the first request may meet none.
  for (const end of ends) inside('internet', ...`ping -6 -c 5 -i 0.2 -W 5 ${end}`.split(' '))
  assert.equal(wish(host, ticket, false).routed_prefix, undefined)
  for (const end of ends)
    assert.match(runQuietly('internet', `ping -6 -c 1 -W 1 ${end}`.split(' ')).stdout, unused)
  for (const end of ends) inside(host, ...`ip -6 addr del ${end}/128 dev lo`.split(' '))
}

function wish(host: Host, ticket: Ticket, isWanted: boolean): TunnelView {
  const body = ['-H', 'Content-Type: application/json', '-d', `{"routed_prefix":${isWanted}}`]
  return JSON.parse(callApi(host, ticket, '', '-X', 'PATCH', ...body).stdout)
}

/** The first host's address of a prefix, and its last address. */
function endsOf(text: string): readonly [string, string] {
  const { octets, length } = parsePrefix(text) ?? assert.fail(text)
  const first = new Uint8Array(octets)
  first[15] = 1
  const last = octets.map((octet, index) => octet | (0xff >> Math.max(0, Math.min(8, length - index * 8))))
  return [formatIpv6(first), formatIpv6(last)]
}

function inside(host: Host, ...command: readonly string[]): void {
  const { status, stdout, stderr } = runQuietly(host, command)
  assert.equal(status, 0, `${command.join(' ')}: ${stdout}${stderr}`)
}
