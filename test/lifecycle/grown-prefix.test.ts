import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registered, request } from './stages.ts'
import { registerOne, World } from './world.ts'

/** More than the indexes that one registration tries. */
const TUNNELS = 5000

test('after tunnel.prefix has grown the first registration gets an address, however many tunnels there are', async () => {
  let world = await World.open({ prefix: '2001:db8:f6::/48' })
  world.edit(`INSERT INTO tunnels (id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, key_hash)
    WITH RECURSIVE n (i, prefix) AS (SELECT 0, '2001:db8:f6'
      UNION ALL SELECT i + 1, printf('2001:db8:f6:%x', i + 1) FROM n WHERE i < ${TUNNELS - 1})
    SELECT printf('row%09d', i), printf('198.18.%d.%d', i / 256, i % 256), prefix || '::2', prefix || '::1',
      printf('fn6-%d', i), printf('n%d', i), 'ca', 'linux', 1, 0, x'00' FROM n`)
  const { directory, kernel, now } = world
  world.broker.close()
  world = await World.open({ directory, kernel, now, prefix: '2001:db8:f0::/44' })
  try {
    assert.deepEqual([world.table.count(), world.table.brokenCount], [TUNNELS, 0])
    const { tunnel } = registered(await registerOne(world.lifecycle, request(1)))
    assert.equal(tunnel.device, `fn6-${TUNNELS}`)
  } finally {
    world.end()
  }
})
