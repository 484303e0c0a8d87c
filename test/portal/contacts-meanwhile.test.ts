/** Where an owner is told, changed twice while another program holds the database. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../until.ts'
import { bearer, cookieIn, type Given, LAB, PortalWorld } from './portal-world.ts'

/** Time for a request to come as far as the database. */
const COME_MS = 300

let world: PortalWorld
let given: Given

beforeEach(async () => {
  world = await PortalWorld.open(`${LAB}[webhook]\nhosts = ["ntfy.sh"]\n`)
  given = await world.register()
})
afterEach(() => world[Symbol.asyncDispose]())

/** Begins requests one after the other while the database is held; resolves with what they resolve with. */
async function whileHeld<T>(...requests: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  using other = new DatabaseSync(world.databaseFile)
  other.exec('BEGIN IMMEDIATE')
  const replies: Promise<T>[] = []
  for (const request of requests) {
    replies.push(request())
    await sleep(COME_MS)
  }
  other.exec('COMMIT')
  return Promise.all(replies)
}

function change(wish: Readonly<Record<string, string>>) {
  return world.askJson(`/api/v1/tunnels/${given.id}`, 'PATCH', wish, bearer(given.key))
}

function ways() {
  return world.broker.table.contactOf(given.id)?.ways
}

test('two ways that are asked for at once are both kept', async () => {
  const replies = await whileHeld(
    () => change({ email: 'alice@example.org' }),
    () => change({ webhook: 'https://ntfy.sh/alice' }),
  )
  assert.deepEqual(
    replies.map(({ status }) => status),
    [200, 200],
  )
  assert.deepEqual(
    ways()?.map(({ kind }) => kind),
    ['email', 'webhook'],
  )
})

test('a confirmation is not taken back by another way that is asked for meanwhile', async () => {
  await change({ email: 'alice@example.org' })
  await until(() => world.mails.length > 0)
  const page = world.mails[0]?.page.replace(world.url, '') ?? ''
  await whileHeld<unknown>(
    () => world.post(page, { wanted: 'yes' }),
    () => change({ webhook: 'https://ntfy.sh/alice' }),
  )
  assert.equal(ways()?.find(({ kind }) => kind === 'email')?.isConfirmed, true)
})

test('nothing is kept for a tunnel that is deleted meanwhile', async () => {
  const session = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
  const [, form] = await whileHeld(
    () => world.ask(`/api/v1/tunnels/${given.id}`, { method: 'DELETE', headers: bearer(given.key) }),
    () => world.post(`/tunnels/${given.id}/email`, { email: 'alice@example.org' }, session),
  )
  assert.equal(world.broker.table.byId(given.id), undefined)
  assert.equal(form?.status, 404)
  using other = new DatabaseSync(world.databaseFile)
  assert.equal(other.prepare('SELECT count(*) AS count FROM contact_ways').get()?.count, 0)
})
