import assert from 'node:assert/strict'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import type { Registration } from '../../src/lifecycle/registration.ts'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { stateOf, type Tunnel, type TunnelState } from '../../src/tunnel/tunnel.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { ORIGIN, registerOne, type World } from './world.ts'

export function request(n: number) {
  return { ipv4: `198.51.100.${n}`, nicname: `host${n}`, country: 'ca', os: 'linux' }
}

export function registered(registration: Registration): { readonly tunnel: Tunnel; readonly key: string } {
  return registration.kind === 'registered' ? registration : assert.fail(JSON.stringify(registration))
}

export function codesOf(outcome: {
  kind: string
  problems?: readonly { code: string }[]
}): readonly string[] {
  return outcome.problems?.map(({ code }) => code) ?? []
}

/** The address that its name answers; undefined: the name is not there. */
export function answered(world: World, { nicname, country }: Tunnel): string | undefined {
  const rdata = world.catalog.rrset(wireName(`${nicname}.${country}.${ORIGIN}`), TYPE.AAAA)?.rdatas[0]
  return rdata && formatIpv6(rdata)
}

export function stateIn(world: World, { id }: Tunnel): TunnelState | undefined {
  const tunnel = world.table.byId(id) ?? world.table.dormant.byId(id)
  return tunnel && stateOf(tunnel)
}

/** A tunnel that has answered once. */
export async function heard(world: World, n = 7): Promise<{ readonly tunnel: Tunnel; readonly key: string }> {
  const registration = registered(await registerOne(world.lifecycle, request(n)))
  await world.lifecycle.recordRound({ answered: [registration.tunnel.id], silent: [] })
  return registration
}

/** Rounds in which it is silent; returns how many tunnels were taken down. */
export async function miss(world: World, { id }: Pick<Tunnel, 'id'>, rounds = 1): Promise<number> {
  let removed = 0
  for (let round = 0; round < rounds; round++)
    removed += (await world.lifecycle.recordRound({ answered: [], silent: [id] })).removed
  return removed
}

/** Does `more` in the tick in which the next change is handed in: both share a transaction, in which it comes second. */
export function besideNextChange<T>({ broker: { store } }: World, more: () => Promise<T>): Promise<T> {
  const commit = store.commit.bind(store)
  return new Promise(resolve => {
    store.commit = work => {
      store.commit = commit
      const outcome = commit(work)
      resolve(more())
      return outcome
    }
  })
}

/** A tunnel that was heard once and has been silent for too long. */
export async function dormant(
  world: World,
  n = 7,
): Promise<{ readonly tunnel: Tunnel; readonly key: string }> {
  const registration = await heard(world, n)
  assert.equal(await miss(world, registration.tunnel, 3), 1)
  return registration
}
