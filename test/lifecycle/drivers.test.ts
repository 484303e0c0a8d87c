import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SIT } from '../../src/kind/sit/sit.ts'
import { Drivers } from '../../src/lifecycle/drivers.ts'
import type { Interfaces } from '../../src/tunnel/interface.ts'
import type { Tunnel } from '../../src/tunnel/tunnel.ts'

/** More than a call can have arguments. */
const MANY = 200_000

describe('drivers', () => {
  test('say of each tunnel of a large table why it could not be made', async () => {
    const refuses = async (links: readonly { readonly device: string }[]) =>
      links.map(({ device }) => ({ device, reason: 'no device' }))
    const driver = { kind: 'sit', create: refuses } as unknown as Interfaces
    const drivers = new Drivers(new Map([[SIT.name, driver]]))
    const ipv6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    const tunnels = Array.from({ length: MANY }, (_, index) => ({
      device: `fn6-${index}`,
      kind: { name: SIT.name },
      ipv6Server: ipv6,
      ipv6Client: ipv6,
    })) as unknown as Tunnel[]
    assert.equal((await drivers.create(tunnels)).length, MANY)
  })
})
