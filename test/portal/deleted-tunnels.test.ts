import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { bearer, type Given, PortalWorld } from './portal-world.ts'

/** How many deletions are kept, as the store has it. */
const MOST = 4096

let world: PortalWorld
let given: Given
let elapsed: number

beforeEach(async () => {
  elapsed = 0
  world = await PortalWorld.open(undefined, { monotonic: () => elapsed })
  given = await world.register()
})

afterEach(() => world[Symbol.asyncDispose]())

async function deleteWith(key: string): Promise<number> {
  const path = `/api/v1/tunnels/${given.id}`
  return (await world.ask(path, { method: 'DELETE', headers: bearer(key) })).status
}

function inDatabase<T>(work: (shell: DatabaseSync) => T): T {
  const shell = new DatabaseSync(world.databaseFile)
  try {
    return work(shell)
  } finally {
    shell.close()
  }
}

function kept(): readonly unknown[] {
  return inDatabase(shell =>
    shell
      .prepare('SELECT id FROM deleted_tunnels')
      .all()
      .map(({ id }) => id),
  )
}

test('a deletion is known to its key for ten minutes, after a crash too', async () => {
  assert.equal(await deleteWith(given.key), 204)
  world = await world.crash()
  assert.equal(await deleteWith(given.key), 204)
  assert.deepEqual(kept(), [given.id])
})

test('ten minutes later it is an unknown tunnel, and nothing is kept of it', async () => {
  await deleteWith(given.key)
  elapsed = 600
  assert.equal(await deleteWith(given.key), 204)
  elapsed = 601
  assert.equal(await deleteWith(given.key), 401)
  await world.broker.lifecycle.endDormant()
  assert.deepEqual(kept(), [])
})

test('a dormant one is known as well; one that the operator has deleted is not', async () => {
  const other = await world.register({ ipv4: '192.0.2.78', nicname: 'bob' })
  await world.broker.lifecycle.delete(other.id, 'operator')
  assert.deepEqual(kept(), [])
  for (let missed = 0; missed < 12; missed++)
    await world.broker.lifecycle.recordRound({
      answered: missed === 0 ? [given.id] : [],
      silent: missed === 0 ? [] : [given.id],
    })
  assert.ok(world.broker.table.dormant.byId(given.id))
  await deleteWith(given.key)
  assert.deepEqual([await deleteWith(given.key), kept()], [204, [given.id]])
})

test('its key opens a row that was put back by hand', async () => {
  inDatabase(shell => shell.exec('CREATE TABLE copy AS SELECT * FROM tunnels'))
  await deleteWith(given.key)
  inDatabase(shell => shell.exec('INSERT INTO tunnels SELECT * FROM copy'))
  const shown = await world.ask(`/api/v1/tunnels/${given.id}`, { headers: bearer(given.key) })
  assert.equal(shown.status, 200)
})

test('the oldest is forgotten where there are too many, and one that was garbled is no fault', async () => {
  await deleteWith(given.key)
  inDatabase(shell =>
    shell.exec(`UPDATE deleted_tunnels SET columns = '[';
      INSERT INTO deleted_tunnels (id, key_hash, columns, until)
        WITH RECURSIVE more (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < ${MOST})
        SELECT 'x' || n, x'00', '{}', until FROM deleted_tunnels, more`),
  )
  assert.equal(await deleteWith(given.key), 204)
  const other = await world.register({ ipv4: '192.0.2.78', nicname: 'bob' })
  await world.broker.lifecycle.delete(other.id)
  assert.equal(kept().length, MOST)
  assert.equal(await deleteWith(given.key), 401)
})
