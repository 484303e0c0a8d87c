import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { keepAudited } from '../src/auditing.ts'
import { registerOne, SILENT, World } from './lifecycle/world.ts'
import { until } from './until.ts'

let world: World
let stop: () => void
/** Of one test: an audit of the test before may still be at work. */
let counted: { woken: number; differences: number }

beforeEach(async () => {
  const own = { woken: 0, differences: 0 }
  counted = own
  world = await World.open({ maxTunnels: 1 })
  stop = keepAudited({
    broker: world.broker,
    monitor: { wake: () => void own.woken++ },
    metrics: {
      countAudit: found => {
        own.differences += found
      },
    },
    log: SILENT,
  })
})

afterEach(() => {
  stop()
  world.end()
})

function request(n: number) {
  return { ipv4: `198.51.100.${n}`, nicname: `host${n}`, country: 'ca', os: 'linux' }
}

async function activeTunnel(): Promise<string> {
  const registration = await registerOne(world.lifecycle, request(7))
  assert.ok(registration.kind === 'registered')
  await world.lifecycle.bringUpNew()
  return registration.tunnel.device
}

test('rows that went by hand leave room for registrations: they are counted afresh', async () => {
  await activeTunnel()
  assert.equal((await registerOne(world.lifecycle, request(8))).kind, 'refused')
  world.edit('DELETE FROM tunnels')
  await until(async () => (await registerOne(world.lifecycle, request(8))).kind === 'registered')
})

test('after a hand edit the kernel is reconciled, the names are audited, and new rows are brought up', async () => {
  const device = await activeTunnel()
  assert.ok(world.kernel.links.has(device))
  world.edit('DELETE FROM tunnels')
  await until(() => !world.kernel.links.has(device))
  await until(() => counted.differences === 2)
  assert.ok(counted.woken >= 1)
})

test('thousands of rows by hand are put right in a few commits, a serial each, with turns of the event loop between', async () => {
  const rows = Array.from({ length: 3000 }, (_, n) => {
    const pair = `2001:db8:f6:${(n + 1).toString(16)}`
    return `('t${n}', '10.1.${n >> 8}.${n & 255}', '${pair}::2', '${pair}::1', 'fn6-${n + 1}', 'h${n}', 'ca', 'linux', 1, 0, x'00')`
  })
  let commits = 0
  world.broker.store.onCommitted(() => void commits++)
  let turns = 0
  const turning = setInterval(() => turns++, 1)
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time,
    unreachable, key_hash) VALUES ${rows.join()}`)
  await until(() => counted.differences === 6000)
  assert.ok(commits <= 4, `${commits} commits`)
  assert.ok(turns > 5, `${turns} turns`)
  world.edit('DELETE FROM tunnels')
  await until(() => counted.differences === 12_000)
  clearInterval(turning)
  assert.ok(commits <= 12, `${commits} commits`)
})
