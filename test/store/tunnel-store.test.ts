import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import type { CommittedDifference, TunnelStore } from '../../src/store/tunnel-store.ts'
import type { TunnelTransaction } from '../../src/store/tunnel-transaction.ts'
import type { Assignment } from '../../src/tunnel/address-pool.ts'
import { NEW, type Tunnel } from '../../src/tunnel/tunnel.ts'
import { TYPE } from '../../src/wire/codes.ts'
import type { RrsetChange } from '../../src/zone/catalog.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { ORIGIN, registerOne, SILENT, World } from '../lifecycle/world.ts'

let world: World
let store: TunnelStore
let faults: object[]

beforeEach(async () => {
  faults = []
  world = await World.open({ log: { ...SILENT, error: facts => void faults.push(facts) } })
  store = world.broker.store
})

afterEach(() => world.end())

function text(label: string): RrsetChange {
  const owner = wireName(`${label}.${ORIGIN}`)
  return { kind: 'put', rrset: { owner, type: TYPE.TXT, ttl: 60, rdatas: [Uint8Array.of(1, 65)] } }
}

/** A change that no catalog takes: its owner lies in no zone. */
function unpublishable(): RrsetChange {
  const owner = wireName('elsewhere.example')
  return { kind: 'put', rrset: { owner, type: TYPE.TXT, ttl: 60, rdatas: [Uint8Array.of(1, 65)] } }
}

function serial(): number {
  return soaSerial(world.catalog.rrset(wireName(ORIGIN), TYPE.SOA)?.rdatas[0] ?? assert.fail())
}

function isAnswered(label: string): boolean {
  return world.catalog.rrset(wireName(`${label}.${ORIGIN}`), TYPE.TXT) !== undefined
}

function insert(transaction: TunnelTransaction, label: string, ipv4Client: string) {
  const make = (assignment: Assignment): Tunnel => ({
    id: `id-${label}`,
    kind: { name: 'sit' },
    ipv4Client,
    ...assignment,
    nicname: label,
    country: 'ca',
    os: 'linux',
    creationTime: 1,
    unreachable: NEW,
    waitUntil: undefined,
    stateSince: undefined,
  })
  return transaction.insert(world.now, make, { keyHash: new Uint8Array(32) })
}

test('changes that come together share a transaction and a serial, and each has its outcome', async () => {
  const before = serial()
  const outcomes = await Promise.all(
    ['a', 'b'].map(label => store.commit(() => ({ outcome: label, changes: [text(label)] }))),
  )
  assert.deepEqual(outcomes, ['a', 'b'])
  assert.ok(isAnswered('a') && isAnswered('b'))
  assert.equal(serial(), before + 1)
})

test('names are answered before anything follows in memory, and both before anybody is told', async () => {
  const seen: string[] = []
  await store.commit(() => ({
    outcome: undefined,
    changes: [text('a')],
    committed: () => seen.push(`committed, answered: ${isAnswered('a')}`),
  }))
  assert.deepEqual(seen, ['committed, answered: true'])
})

test('a change of rows alone leaves the serial', async () => {
  const before = serial()
  assert.equal(await store.commit(() => ({ outcome: 7, changes: [] })), 7)
  assert.equal(serial(), before)
})

test('if one work throws nothing is done: rows, names, memory; the latest is taken back first', async () => {
  const before = serial()
  const undone: string[] = []
  const work = (label: string, ipv4: string) => (transaction: TunnelTransaction) => {
    assert.equal(insert(transaction, label, ipv4).kind, 'inserted')
    return { outcome: label, changes: [text(label)], undone: () => undone.push(label) }
  }
  const broken = () => {
    throw new RangeError('broken')
  }
  const commits = [work('a', '192.0.2.1'), work('b', '192.0.2.2'), broken].map(each => store.commit(each))
  const ends = await Promise.allSettled(commits)
  assert.deepEqual(
    ends.map(end => end.status),
    ['rejected', 'rejected', 'rejected'],
  )
  assert.deepEqual(undone, ['b', 'a'])
  assert.equal(store.tunnels.count(), 0)
  assert.ok(!isAnswered('a'))
  assert.equal(serial(), before)
  const next = await store.commit(transaction => ({
    outcome: insert(transaction, 'c', '192.0.2.3'),
    changes: [],
  }))
  assert.ok(next.kind === 'inserted' && next.tunnel.device === 'fn6-0', 'no index was lost')
})

test('names that can not be published take the rows back with them', async () => {
  const before = serial()
  const commit = store.commit(transaction => {
    insert(transaction, 'a', '192.0.2.1')
    return { outcome: undefined, changes: [text('a'), unpublishable()] }
  })
  await assert.rejects(commit, RangeError)
  assert.equal(store.tunnels.count(), 0)
  assert.ok(!isAnswered('a'))
  assert.equal(serial(), before)
  await store.commit(() => ({ outcome: undefined, changes: [text('b')] }))
  assert.equal(serial(), before + 1)
})

test('what follows a commit may fail: the caller has its outcome, and the log the fault', async () => {
  const outcome = await store.commit(transaction => ({
    outcome: insert(transaction, 'a', '192.0.2.1').kind,
    changes: [text('a')],
    committed: () => {
      throw new Error('memory')
    },
  }))
  assert.equal(outcome, 'inserted')
  assert.equal(store.tunnels.count(), 1)
  assert.ok(isAnswered('a'))
  assert.equal(faults.length, 1)
})

test('a registration is answered with its key although who is told of it fails', async () => {
  world.broker.onRegistered = () => {
    throw new Error('the monitor is gone')
  }
  const registration = await registerOne(world.lifecycle, {
    ipv4: '198.51.100.7',
    nicname: 'host7',
    country: 'ca',
    os: 'linux',
  })
  assert.ok(registration.kind === 'registered')
  assert.ok(world.table.keyMatches(registration.tunnel.id, registration.key))
})

test('the feed tells each commit in its tick: serials, rrsets and rows as they were and are', async () => {
  const seen: CommittedDifference[] = []
  const stop = store.onCommitted(difference => {
    assert.equal(serial(), difference.serials[0]?.to ?? serial())
    seen.push(difference)
  })
  store.onCommitted(() => {
    throw new Error('a bad listener')
  })
  const before = serial()
  const registration = await registerOne(world.lifecycle, {
    ipv4: '198.51.100.7',
    nicname: 'host7',
    country: 'ca',
    os: 'linux',
  })
  assert.ok(registration.kind === 'registered')
  const { id } = registration.tunnel
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  await world.lifecycle.recordRound({ answered: [], silent: [id] })
  await world.lifecycle.recordRound({ answered: [id], silent: [] })
  await world.lifecycle.changeEndpoint(id, '198.51.100.8')
  await world.lifecycle.delete(id)
  stop()
  await store.commit(() => ({ outcome: undefined, changes: [text('unheard')] }))

  const steps = seen.flatMap(({ rows }) => rows).map(({ before, after }) => [stateIn(before), stateIn(after)])
  assert.deepEqual(steps, [
    [undefined, '-1 198.51.100.7'],
    ['-1 198.51.100.7', '0 198.51.100.7'],
    ['0 198.51.100.7', '0 198.51.100.7'],
    ['0 198.51.100.7', '1 198.51.100.7'],
    ['1 198.51.100.7', '0 198.51.100.7'],
    ['0 198.51.100.7', '0 198.51.100.8'],
    ['0 198.51.100.8', undefined],
  ])
  assert.deepEqual(
    seen.map(({ serials }) => serials.map(({ from, to }) => [from, to])),
    [[], steps2(before), [], [], [], [], steps2(before + 1)],
  )
  const types = seen.map(({ rrsets }) => rrsets.map(({ type, after }) => [type, after !== undefined]))
  assert.deepEqual(types[1], [
    [TYPE.AAAA, true],
    [TYPE.SOA, true],
    [TYPE.PTR, true],
    [TYPE.SOA, true],
  ])
  assert.deepEqual(types[6], [
    [TYPE.AAAA, false],
    [TYPE.SOA, true],
    [TYPE.PTR, false],
    [TYPE.SOA, true],
  ])
  assert.ok(faults.length >= 7, 'the bad listener is in the log and harmed nobody')
})

function steps2(from: number): number[][] {
  return [
    [from, from + 1],
    [from, from + 1],
  ]
}

function stateIn(row: CommittedDifference['rows'][number]['before']): string | undefined {
  return row === undefined || 'reason' in row ? undefined : `${row.unreachable} ${row.ipv4Client}`
}

test('another program’s commit is an event of the store; one’s own is none', async () => {
  let heard = 0
  const edited = new Promise<void>(resolve => {
    store.onForeignCommit(() => {
      heard++
      resolve()
    })
  })
  await store.commit(() => ({ outcome: undefined, changes: [text('own')] }))
  await new Promise(resolve => setTimeout(resolve, 500))
  assert.equal(heard, 0)
  world.edit("INSERT INTO zone_serials VALUES ('a', 1)")
  await edited
})
