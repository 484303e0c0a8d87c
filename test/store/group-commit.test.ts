import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-zone.ts'
import { GroupCommit } from '../../src/store/group-commit.ts'
import { TYPE } from '../../src/wire/codes.ts'
import type { RrsetChange } from '../../src/zone/catalog.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { ORIGIN, World } from '../lifecycle/world.ts'

let world: World
let commits: GroupCommit

beforeEach(() => {
  world = new World()
  commits = new GroupCommit(world)
})

afterEach(() => world.end())

function text(label: string): RrsetChange {
  const owner = wireName(`${label}.${ORIGIN}`)
  return { kind: 'put', rrset: { owner, type: TYPE.TXT, ttl: 60, rdatas: [Uint8Array.of(1, 65)] } }
}

function serial(): number {
  return soaSerial(world.catalog.rrset(wireName(ORIGIN), TYPE.SOA)?.rdatas[0] ?? assert.fail())
}

function isAnswered(label: string): boolean {
  return world.catalog.rrset(wireName(`${label}.${ORIGIN}`), TYPE.TXT) !== undefined
}

test('changes that come together share a transaction and a serial, and each has its outcome', async () => {
  const before = serial()
  const outcomes = await Promise.all(
    ['a', 'b'].map(label => commits.commit(() => ({ outcome: label, changes: [text(label)] }))),
  )
  assert.deepEqual(outcomes, ['a', 'b'])
  assert.ok(isAnswered('a') && isAnswered('b'))
  assert.equal(serial(), before + 1)
})

test('what follows in memory is done before the names are answered, and the names before anybody is told', async () => {
  const seen: string[] = []
  await commits.commit(() => ({
    outcome: undefined,
    changes: [text('a')],
    committed: () => seen.push(`committed, answered: ${isAnswered('a')}`),
  }))
  assert.deepEqual(seen, ['committed, answered: false'])
  assert.ok(isAnswered('a'))
})

test('a change of rows alone leaves the serial', async () => {
  const before = serial()
  assert.equal(await commits.commit(() => ({ outcome: 7, changes: [] })), 7)
  assert.equal(serial(), before)
})

test('where one work throws nothing is done: rows, names, memory; the latest is taken back first', () => {
  const before = serial()
  const undone: string[] = []
  const insert = world.database.prepare('INSERT INTO resting_indexes VALUES (?, 0)')
  const work = (label: string, index: number) => () => {
    insert.run(index)
    return { outcome: label, changes: [text(label)], undone: () => undone.push(label) }
  }
  const broken = () => {
    throw new RangeError('broken')
  }
  assert.throws(() => commits.commitNow([work('a', 1), work('b', 2), broken]), RangeError)
  assert.deepEqual(undone, ['b', 'a'])
  assert.equal(world.database.prepare('SELECT count(*) AS n FROM resting_indexes').get()?.n, 0)
  assert.ok(!isAnswered('a'))
  assert.equal(serial(), before)
})

test('the next transaction is not the worse for it', async () => {
  const broken = () => {
    throw new RangeError('broken')
  }
  await assert.rejects(commits.commit(broken), RangeError)
  assert.equal(await commits.commit(() => ({ outcome: 'fine', changes: [text('c')] })), 'fine')
  assert.ok(isAnswered('c'))
})
