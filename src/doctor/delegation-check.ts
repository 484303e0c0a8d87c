import { type Delegation, type DelegationOutcome, type Descent, isAtOrBelow } from './descent.ts'
import { type Finding, finding } from './finding.ts'
import type { OwnZone } from './own-zone.ts'

/** What the delegation of a zone gives to look at: findings, and every address that resolvers may go to. */
export interface DelegationReport {
  readonly findings: readonly Finding[]
  readonly addresses: ReadonlySet<string>
}

/** Holds what the parent says of a zone against what the zone says of itself (RFC 1034 4.2.2). */
export async function checkDelegation(descent: Descent, own: OwnZone): Promise<DelegationReport> {
  const outcome = await descent.delegationOf(own.name)
  const addresses = await addressesOf(descent, own, outcome.kind === 'delegation' ? outcome : undefined)
  const findings = [
    ...findingsOf(outcome, own),
    ...[...own.servers.keys()]
      .filter(server => (addresses.get(server) ?? []).length === 0)
      .map(server => withoutAddress(server, own.name, descent)),
  ]
  const isUnsure = [...addresses.keys()].some(server => descent.whyUnknown(server) !== undefined)
  const all = new Set([...addresses.values()].flat())
  const [address = ''] = all
  if (all.size === 1 && !isUnsure) findings.push(finding('one-server', { zone: own.name, address }))
  return { findings, addresses: all }
}

function withoutAddress(server: string, zone: string, descent: Descent): Finding {
  const unknown = descent.whyUnknown(server)
  if (unknown === undefined) return finding('ns-without-address', { server, zone })
  return finding('ns-unknown', { server, zone, cut: spelled(unknown.cut), reason: unknown.reason })
}

function findingsOf(outcome: DelegationOutcome, own: OwnZone): Finding[] {
  const zone = own.name
  switch (outcome.kind) {
    case 'unknown':
      return [finding('parent-unknown', { zone, cut: spelled(outcome.cut), reason: outcome.reason })]
    case 'none':
      return [
        finding('not-delegated', {
          zone,
          parent: spelled(outcome.parent),
          said: outcome.said.address,
          ours: [...own.servers.keys()].join(', '),
        }),
      ]
    case 'delegation':
      return [...serverFindings(outcome, own), ...glueFindings(outcome, own)]
    default:
      return outcome satisfies never
  }
}

function serverFindings(delegation: Delegation, own: OwnZone): Finding[] {
  const zone = own.name
  const parent = spelled(delegation.parent)
  const strangers = delegation.servers.filter(server => !own.servers.has(server))
  const unknown = [...own.servers.keys()].filter(server => !delegation.servers.includes(server))
  return [
    ...strangers.map(server => finding('ns-not-ours', { zone, parent, server })),
    ...unknown.map(server => finding('ns-not-at-parent', { zone, parent, server })),
  ]
}

function glueFindings({ parent, servers, glue }: Delegation, own: OwnZone): Finding[] {
  return servers.flatMap(server => {
    const ours = own.servers.get(server) ?? []
    if (!isAtOrBelow(server, own.name) || ours.length === 0) return []
    const theirs = glue.get(server) ?? []
    const params = { parent: spelled(parent), zone: own.name, server, ours: ours.join(', ') }
    if (theirs.length === 0) return [finding('glue-missing', params)]
    // A parent may leave out an address for want of room, but gives none that is not so.
    const isRight = theirs.every(address => ours.includes(address))
    return isRight ? [] : [finding('glue-differs', { ...params, glue: theirs.join(', ') })]
  })
}

/** The addresses of all servers that parent or zone names; those outside the zone are looked up. */
async function addressesOf(
  descent: Descent,
  own: OwnZone,
  delegation: Delegation | undefined,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  for (const server of new Set([...own.servers.keys(), ...(delegation?.servers ?? [])])) {
    const known = [...(own.servers.get(server) ?? []), ...(delegation?.glue.get(server) ?? [])]
    const isWithin = isAtOrBelow(server, own.name)
    const addresses = known.length > 0 || isWithin ? known : await descent.addressesOf(server)
    found.set(server, [...new Set(addresses)])
  }
  return found
}

function spelled(zone: string): string {
  return zone === '' ? 'the root' : zone
}
