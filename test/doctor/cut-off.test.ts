import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enterOwnNetwork } from '../own-network.ts'
import { requirePackages } from '../packages.ts'
import { Nsd } from './nsd.ts'
import { DELEGATED, FORWARD, World } from './world.ts'

test('a machine without IPv6 says so once, and blames no server for it', async t => {
  if (!(await requirePackages(t, ['nsd', 'dig']))) return
  const missing = await enterOwnNetwork()
  if (missing !== undefined) return t.skip(missing)
  await using world = await World.open({
    zone: `$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 15\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.1\nns1 AAAA 2001:db8:1::53\nns2 A 127.0.0.3\n`,
  })
  await using _root = await Nsd.start(world.root, { '': `${DELEGATED}ns1.${FORWARD}. AAAA 2001:db8:1::53\n` })
  await using _second = await Nsd.start(world.second, world.copies())
  const found = await world.findings()
  assert.deepEqual(
    found.map(({ code }) => code),
    ['cut-off'],
  )
  assert.match(found[0]?.what ?? '', /IPv6/)
})
