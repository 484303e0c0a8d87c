import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, cookieIn, type Given, PortalWorld, problemIn } from './portal-world.ts'

const TUNNELS = '/api/v1/tunnels'
const STAGES = ['awake', 'suspended'] as const

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open()
  given = await world.register({ ipv4: '127.0.0.1' })
})

afterEach(() => world[Symbol.asyncDispose]())

/** As an edit by hand, or another configuration, breaks it. */
async function breakRow(stage: (typeof STAGES)[number]): Promise<void> {
  if (stage === 'suspended') await world.broker.operator.suspend(given.name)
  edit("SET os = 'plan9'")
}

function edit(change: string): void {
  const shell = new DatabaseSync(world.databaseFile)
  for (const table of ['tunnels', 'dormant']) shell.exec(`UPDATE ${table} ${change}`)
  shell.close()
}

function update(key: string, agent = 'inadyn/2.10') {
  const authorization = `Basic ${Buffer.from(`${given.id}:${key}`).toString('base64')}`
  return world.ask(`/nic/update?hostname=${given.id}`, { headers: { authorization, 'user-agent': agent } })
}

for (const stage of STAGES) {
  test(`the key of a broken row, ${stage}, is not called wrong: clients that are told so end for good`, async () => {
    await breakRow(stage)
    const api = await world.ask(`${TUNNELS}/${given.id}`, { headers: bearer(given.key) })
    assert.deepEqual([api.status, problemIn(api).code], [503, 'tunnel-broken'])
    assert.equal(api.headers['retry-after'], '300')
    for (const agent of ['inadyn/2.10', 'curl/8']) {
      const answer = await update(given.key, agent)
      assert.deepEqual([answer.status, answer.text], [503, '911\n'])
    }
    const page = await world.post('/tunnels', { reference: given.name, key: given.key })
    assert.equal(page.status, 503)
    assert.equal((await update('0'.repeat(32))).text, 'badauth\n')
  })

  test(`a broken row, ${stage}, is listed, counted and shown with its reason, and named where it can't be changed`, async () => {
    await breakRow(stage)
    await world.broker.audit.run()
    const { operator, table } = world.broker
    const shown = operator.list('', 10, {}).tunnels.map(({ id, state, fault }) => [id, state, fault])
    assert.deepEqual(shown, [[given.id, 'broken', 'os is not known']])
    const { broken, ...others } = table.countByState()
    assert.equal(broken, 1)
    assert.deepEqual(new Set(Object.values(others)), new Set([0]))
    const renewal = await operator.renewKey(given.name)
    assert.equal(renewal.kind === 'refused' && renewal.problems[0]?.code, 'tunnel-broken')
    assert.equal((await operator.delete(given.name)).kind, 'done')
    assert.equal(table.countByState().broken, 0)
  })
}

test('a browser that is signed in to a broken row is told so', async () => {
  const cookie = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  await breakRow('awake')
  const page = await world.ask(`/tunnels/${given.id}`, { headers: cookie })
  assert.equal(page.status, 503)
  assert.match(page.text, /key are kept/)
  edit("SET os = 'linux'")
  assert.equal((await world.ask(`/tunnels/${given.id}`, { headers: cookie })).status, 200)
})

test('broken rows in a part of the list end neither it nor the walk through the dormant', async () => {
  const more = [given]
  for (const n of [1, 2, 3, 4, 5])
    more.push(await world.register({ ipv4: `192.0.2.${10 + n}`, nicname: `h${n}` }))
  const [first, second] = more.map(({ id }) => id).sort()
  edit(`SET os = 'plan9' WHERE id IN ('${first}', '${second}')`)
  assert.deepEqual(listed(), more.map(({ id }) => id).sort())
  edit("SET os = 'linux'")
  for (const { id } of more) await world.broker.lifecycle.suspend(id)
  edit(`SET os = 'plan9' WHERE id IN ('${first}', '${second}')`)
  await world.broker.audit.run()
  assert.deepEqual(listed(), more.map(({ id }) => id).sort())
})

/** The ids of all parts of the list, two rows each. */
function listed(): readonly string[] {
  const ids: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const { tunnels, next } = world.broker.operator.list(after, 2, {})
    ids.push(...tunnels.map(({ id }) => id))
    after = next
  }
  return ids.sort()
}
