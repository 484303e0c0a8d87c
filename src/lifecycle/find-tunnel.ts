import { inTurns } from '../shared/in-turns.ts'
import type { Problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { BrokenRow, Tunnel } from '../tunnel/tunnel.ts'
import { REFUSAL } from './refusal.ts'

/** The tunnel with an id, dormant or not. */
export function tunnelById(table: TunnelReader, id: string): Tunnel | undefined {
  return table.byId(id) ?? table.dormant.byId(id)
}

/** The tunnel with an id, dormant or not, or its row if nothing can be made of it. */
export function rowById(table: TunnelReader, id: string): Tunnel | BrokenRow | undefined {
  return tunnelById(table, id) ?? table.brokenById(id)
}

/** The tunnel, dormant or not, that somebody means: by its id, by `nicname.country`, or by its full name, with or without final dot. */
export function findTunnel(table: TunnelReader, origin: string, reference: string): Tunnel | undefined {
  if (!reference.includes('.')) return tunnelById(table, reference)
  const [nicname, country] = labelsOf(origin, reference) ?? []
  if (nicname === undefined || country === undefined) return undefined
  return table.byName(nicname, country) ?? table.dormant.byName(nicname, country)
}

/** The tunnels with these ids that have a row, with turns of the event loop in between: a round may ask for all of them. */
export async function tunnelsOf(table: TunnelReader, ids: readonly string[]): Promise<readonly Tunnel[]> {
  const tunnels: Tunnel[] = []
  await inTurns(ids, id => {
    const tunnel = table.byId(id)
    if (tunnel !== undefined) tunnels.push(tunnel)
  })
  return tunnels
}

/** The broken row that somebody means in the same way. */
export function findBroken(table: TunnelReader, origin: string, reference: string): BrokenRow | undefined {
  if (!reference.includes('.')) return table.brokenById(reference)
  const [nicname, country] = labelsOf(origin, reference) ?? []
  if (nicname === undefined || country === undefined) return undefined
  const id = table.idByName(nicname, country)
  return id === undefined ? undefined : table.brokenById(id)
}

/** Why `findTunnel` has found none. */
export function whyNotFound(table: TunnelReader, origin: string, reference: string): Problem {
  const broken = findBroken(table, origin, reference)
  return broken === undefined ? REFUSAL.noTunnel() : REFUSAL.broken(broken)
}

/** Nicname and country of a name; undefined: it has other labels. */
function labelsOf(
  origin: string,
  reference: string,
): readonly [nicname: string, country: string] | undefined {
  const name = reference.toLowerCase().replace(/\.$/, '')
  const short = name.endsWith(`.${origin}`) ? name.slice(0, -origin.length - 1) : name
  const [nicname = '', country = '', ...rest] = short.split('.')
  return rest.length > 0 ? undefined : [nicname, country]
}
