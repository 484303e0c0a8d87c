import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { NEW, type Tunnel } from '../../src/tunnel/tunnel.ts'
import { bearer, cookieIn, type Given, LAB, PortalWorld, problemIn } from './portal-world.ts'

const PROXIED = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
const [FIRST, SECOND] = ['203.0.113.1', '203.0.113.2'] as const

type Addressed = Given & { readonly ipv6_client: string }

interface Swap {
  readonly world: PortalWorld
  readonly anna: Addressed
  readonly ben: Addressed
}

/** Anna registered from the first address and Ben from the second; since then each has got the other's. */
async function swapped(text = PROXIED): Promise<Swap> {
  const world = await PortalWorld.open(text)
  const anna = (await world.register({ ipv4: FIRST, nicname: 'anna' })) as Addressed
  const ben = (await world.register({ ipv4: SECOND, nicname: 'ben' })) as Addressed
  await world.broker.lifecycle.bringUpNew()
  world.silent.add(anna.ipv6_client).add(ben.ipv6_client)
  return { world, anna, ben }
}

function update({ world }: Swap, { id, key, name }: Given, address: string) {
  const basic = Buffer.from(`${id}:${key}`).toString('base64')
  const headers = { authorization: `Basic ${basic}`, 'x-forwarded-for': address }
  return world.ask(`/nic/update?hostname=${name}`, { headers })
}

function patch({ world }: Swap, { id, key }: Given, address: string, ipv4 = address) {
  const headers = { ...bearer(key), 'x-forwarded-for': address }
  return world.askJson(`/api/v1/tunnels/${id}`, 'PATCH', { ipv4 }, headers)
}

function endpoints({ world, anna, ben }: Swap): readonly (string | undefined)[] {
  return [anna, ben].map(({ id }) => world.broker.table.byId(id)?.ipv4Client)
}

suite('two customers who have swapped addresses', () => {
  for (const isAnnaFirst of [true, false]) {
    test(`are both right after an update of each, ${isAnnaFirst ? 'Anna' : 'Ben'} first, and nobody’s tunnel is lost`, async () => {
      const swap = await swapped()
      await using world = swap.world
      const [anna, ben] = [
        { who: swap.anna, address: SECOND },
        { who: swap.ben, address: FIRST },
      ]
      const [first, second] = isAnnaFirst ? [anna, ben] : [ben, anna]
      assert.equal((await update(swap, first.who, first.address)).text, `good ${first.address}\n`)
      world.silent.delete(first.who.ipv6_client)
      const answer = await update(swap, second.who, second.address)
      assert.match(answer.text, new RegExp(`^(good|nochg) ${second.address}\n$`))
      assert.deepEqual(endpoints(swap), [SECOND, FIRST])
      assert.equal(world.broker.table.count(), 2)
      assert.deepEqual(world.faults, [])
    })
  }

  test('are both right after a move by the API or by the page', async () => {
    for (const door of ['api', 'page']) {
      const swap = await swapped()
      await using world = swap.world
      if (door === 'api') assert.equal((await patch(swap, swap.anna, SECOND)).status, 200)
      else {
        const { id, key } = swap.anna
        const cookie = cookieIn(await world.post('/tunnels', { reference: id, key }))
        const headers = { ...cookie, 'x-forwarded-for': SECOND }
        assert.equal((await world.post(`/tunnels/${id}/endpoint`, { ipv4: SECOND }, headers)).status, 303)
      }
      assert.deepEqual(endpoints(swap), [SECOND, FIRST])
    }
  })

  test('and a third: three moves in a ring end with everybody right', async () => {
    const swap = await swapped()
    await using world = swap.world
    const carl = (await world.register({ ipv4: '203.0.113.3', nicname: 'carl' })) as Addressed
    await world.broker.lifecycle.bringUpNew()
    world.silent.add(carl.ipv6_client)
    for (const [who, address] of [
      [swap.anna, SECOND],
      [swap.ben, '203.0.113.3'],
      [carl, FIRST],
    ] as const) {
      assert.match((await update(swap, who, address)).text, /^(good|nochg) /)
      world.silent.delete(who.ipv6_client)
    }
    assert.deepEqual(endpoints(swap), [SECOND, '203.0.113.3'])
    assert.equal(world.broker.table.byId(carl.id)?.ipv4Client, FIRST)
  })
})

suite('an endpoint that another tunnel has is kept from who', () => {
  test('finds its holder answering through its tunnel', async () => {
    const swap = await swapped()
    await using world = swap.world
    world.silent.delete(swap.ben.ipv6_client)
    assert.equal(problemIn(await patch(swap, swap.anna, SECOND)).code, 'ipv4-in-use')
    assert.deepEqual(endpoints(swap), [FIRST, SECOND])
    assert.deepEqual(world.faults, [])
  })

  test('comes from elsewhere, and who has no key', async () => {
    const swap = await swapped()
    await using world = swap.world
    assert.equal(problemIn(await patch(swap, swap.anna, '198.51.100.1', SECOND)).code, 'ipv4-in-use')
    const keyless = { ...swap.anna, key: '0'.repeat(32) }
    assert.equal((await patch(swap, keyless, SECOND)).status, 401)
    const newcomer = { ipv4: SECOND, nicname: 'new', country: 'ca', os: 'linux' }
    const headers = { 'x-forwarded-for': SECOND }
    const answer = await world.askJson('/api/v1/tunnels', 'POST', newcomer, headers)
    assert.equal(problemIn(answer).code, 'ipv4-in-use')
    assert.deepEqual(endpoints(swap), [FIRST, SECOND])
  })

  test('meets a tunnel whose interface is still to be made', async () => {
    const swap = await swapped()
    await using world = swap.world
    const carl: Omit<Tunnel, 'ipv6Client' | 'ipv6Server' | 'device'> = {
      id: 'carlcarlcarl',
      kind: { name: 'sit' },
      ipv4Client: '203.0.113.3',
      nicname: 'carl',
      country: 'ca',
      os: 'linux',
      creationTime: 1,
      unreachable: NEW,
      waitUntil: undefined,
      stateSince: undefined,
    }
    await world.broker.store.commit(transaction => {
      transaction.insert(1, assignment => ({ ...carl, ...assignment }), { keyHash: new Uint8Array(32) })
      return { outcome: undefined, changes: [] }
    })
    assert.equal(problemIn(await patch(swap, swap.anna, '203.0.113.3')).code, 'ipv4-in-use')
  })
})
