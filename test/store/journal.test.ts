import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { typeText } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import type { ZoneDifference } from '../../src/zone/zone-difference.ts'
import { decodeRecords } from '../../src/zone/zone-record.ts'
import { ORIGIN, registerOne, World } from '../lifecycle/world.ts'

const FORWARD = wireName(ORIGIN)
const OTHER = wireName('other.example')

let world: World

beforeEach(async () => {
  world = await World.open()
})

afterEach(() => world.end())

function serial(apex = FORWARD): number {
  return soaSerial(world.catalog.rrset(apex, 6)?.rdatas[0] ?? assert.fail('no SOA'))
}

async function register(n: number): Promise<string> {
  const registration = await registerOne(world.lifecycle, {
    ipv4: `198.51.100.${n}`,
    nicname: `host${n}`,
    country: 'ca',
    os: 'linux',
  })
  return registration.kind === 'registered' ? registration.tunnel.id : assert.fail(registration.kind)
}

/** The steps since a serial; undefined where they are not all kept. */
function since(from: number, apex = FORWARD): readonly ZoneDifference[] | undefined {
  const steps = world.broker.store.journal.since(apex, { from, to: serial(apex) })
  if (steps === undefined) return undefined
  const all: ZoneDifference[] = []
  for (let step = steps.next().value; step !== undefined; step = steps.next().value) all.push(step)
  return all
}

function textsOf(records: Uint8Array): readonly string[] {
  return [...decodeRecords(records)].map(({ owner, type }) => `${formatName(owner)} ${typeText(type)}`)
}

function writeZone(name: string, lines: string): void {
  writeFileSync(join(world.directory, 'zones', `${name}.zone`), `$TTL 60\n${lines}\n`)
}

test('a commit is a step of each zone that it changes, its SOA records first', async () => {
  const before = serial()
  const id = await register(1)
  const added = serial()
  await world.lifecycle.delete(id)
  const steps = since(before) ?? assert.fail('not kept')
  assert.deepEqual(
    steps.map(({ from, to }) => [from, to]),
    [
      [before, added],
      [added, serial()],
    ],
  )
  const soa = `${ORIGIN}. SOA`
  const host = `host1.ca.${ORIGIN}. AAAA`
  assert.deepEqual(
    steps.map(({ removed, added }) => [textsOf(removed), textsOf(added)]),
    [
      [[soa], [soa, host]],
      [[soa, host], [soa]],
    ],
  )
  const reverse = wireName(world.zone.reverseApex)
  assert.match(
    textsOf(since(serial(reverse) - 1, reverse)?.[0]?.removed ?? assert.fail()).join(),
    /ip6\.arpa\. PTR$/,
  )
})

test('steps survive a crash, and a start with the same contents goes on from them', async () => {
  const before = serial()
  await register(1)
  world = await world.crash()
  await register(2)
  assert.equal(since(before)?.length, 2)
})

test('a start at a later time is a step of the SOA alone: the serial is that of the clock', async () => {
  const before = serial()
  await register(1)
  const registered = serial()
  world.now += 5000
  world = await world.restart()
  assert.equal(serial(), world.now)
  const steps = since(before) ?? assert.fail('not kept')
  assert.deepEqual([steps.at(-1)?.from, steps.at(-1)?.to], [registered, world.now])
  assert.deepEqual(textsOf(steps.at(-1)?.added ?? assert.fail()), [`${ORIGIN}. SOA`])
})

test('a start with other contents forgets the steps, and its serial is later', async () => {
  const id = await register(1)
  await register(2)
  const before = serial()
  world.broker.close()
  world.edit(`DELETE FROM tunnels WHERE id = '${id}'`)
  world = await World.open({ directory: world.directory, kernel: world.kernel, now: world.now })
  assert.equal(serial(), before + 1)
  assert.equal(since(before), undefined)
  assert.equal(world.broker.store.journal.bytes, 0)
})

test('tunnels in a zone file of its own below theirs are contents of that zone', async () => {
  const child = `ca.${ORIGIN}`
  writeZone(child, `@ SOA ns.${child}. h.${child}. 1 3600 900 604800 15\n@ NS ns.${child}.\nns A 192.0.2.53`)
  world = await world.restart()
  const before = serial(wireName(child))
  const id = await register(1)
  const registered = serial(wireName(child))
  assert.equal(registered, before + 1)
  world = await world.restart()
  assert.equal(serial(wireName(child)), registered, 'nothing has changed')
  assert.equal(since(before, wireName(child))?.length, 1)
  world.broker.close()
  world.edit(`DELETE FROM tunnels WHERE id = '${id}'`)
  world = await World.open({ directory: world.directory, kernel: world.kernel, now: world.now })
  assert.equal(serial(wireName(child)), registered + 1)
  assert.equal(since(before, wireName(child)), undefined)
})

test('what is rolled back is in no journal', async () => {
  const before = serial()
  await register(1)
  const commit = world.broker.store.commit(() => {
    throw new RangeError('broken')
  })
  await assert.rejects(commit)
  await register(2)
  assert.equal(since(before)?.length, 2)
  assert.equal((await world.restart().then(next => (world = next))) && since(before)?.length, 2)
})

test('a registration whose step finds no room on the disk is refused', async () => {
  await register(1)
  const before = serial()
  await world.withFullDisk(async () => {
    for (let n = 2; n < 200; n++) {
      const { kind } = await registerOne(world.lifecycle, {
        ipv4: `203.0.113.${n}`,
        nicname: `full${n}`,
        country: 'ca',
        os: 'linux',
      })
      if (kind === 'refused') return
    }
    assert.fail('the disk was never full')
  })
  await register(200)
  assert.equal(since(before)?.at(-1)?.to, serial())
})

test('a serial that was never given, a later one and one that is long gone have no steps', async () => {
  await register(1)
  for (const from of [serial() - 1000, serial() + 1, 0]) assert.equal(since(from), undefined, String(from))
})

test('a reload of a zone without tunnels is a step: the difference of old and new file', async () => {
  const soa = (serial: number) => `@ SOA ns1 hostmaster ${serial} 2 3 4 5\n@ NS ns1\n`
  writeZone('other.example', `${soa(7)}ns1 A 192.0.2.1\na TXT "1"\nb TXT "2"`)
  world = await world.restart()
  assert.equal(serial(OTHER), 7)
  writeZone('other.example', `${soa(9)}ns1 A 192.0.2.1\na TXT "1" "more"\nc TXT "2"`)
  assert.deepEqual((await world.broker.statics.reload(world.broker.store)).kept, [])
  assert.equal(serial(OTHER), 9)
  const [step, ...others] = since(7, OTHER) ?? assert.fail('not kept')
  assert.equal(others.length, 0)
  assert.deepEqual(textsOf(step?.removed ?? assert.fail()).toSorted(), [
    'a.other.example. TXT',
    'b.other.example. TXT',
    'other.example. SOA',
  ])
  assert.deepEqual(textsOf(step?.added ?? assert.fail()).toSorted(), [
    'a.other.example. TXT',
    'c.other.example. TXT',
    'other.example. SOA',
  ])
})

test('a zone file that changes for the first time while nothing runs, and keeps its serial, is served with a later one', async () => {
  const file = (text: string) => `@ SOA ns1 hostmaster 7 2 3 4 5\n@ NS ns1\nns1 TXT "${text}"`
  writeZone('other.example', file('one'))
  world = await world.restart()
  world = await world.restart()
  assert.equal(serial(OTHER), 7)
  writeZone('other.example', file('two'))
  world = await world.restart()
  assert.equal(serial(OTHER), 8)
  world = await world.restart()
  assert.equal(serial(OTHER), 8)
})

test('a zone file that changed and kept its serial is served with a later one, over a restart too', async () => {
  const file = (text: string) => `@ SOA ns1 hostmaster 7 2 3 4 5\n@ NS ns1\nns1 TXT "${text}"`
  writeZone('other.example', file('one'))
  world = await world.restart()
  writeZone('other.example', file('two'))
  await world.broker.statics.reload(world.broker.store)
  assert.equal(serial(OTHER), 8)
  await world.broker.statics.reload(world.broker.store)
  assert.equal(serial(OTHER), 8)
  world = await world.restart()
  assert.equal(serial(OTHER), 8)
  writeZone('other.example', file('three'))
  world = await world.restart()
  assert.equal(serial(OTHER), 9)
  assert.equal(since(8, OTHER), undefined)
})

test('what the journal knew of a zone is known after it was trimmed, of a database from before too', async () => {
  const file = (text: string) => `@ SOA ns1 hostmaster 7 2 3 4 5\n@ NS ns1\nns1 TXT "${text}"`
  writeZone('other.example', file('one'))
  world = await world.restart()
  writeZone('other.example', file('two'))
  await world.broker.statics.reload(world.broker.store)
  world.edit('DELETE FROM zone_digests')
  world = await world.restart()
  assert.equal(serial(OTHER), 8)
  world.edit('DELETE FROM journal')
  writeZone('other.example', file('three'))
  world = await world.restart()
  assert.equal(serial(OTHER), 9)
})

for (const journalBytes of [undefined, 0]) {
  const kept = journalBytes === undefined ? 'with a journal' : 'without a journal'

  test(`a zone that tunnels have left has a later serial, ${kept}`, async () => {
    writeZone('other.example', '@ SOA ns1 hostmaster 7 2 3 4 5\n@ NS ns1')
    world = await world.restart(journalBytes === undefined ? {} : { journalBytes })
    await register(1)
    await world.lifecycle.bringUpNew()
    world = await world.restart({ ttl: 300 }) // all records are others: what the journal had is cut
    const before = serial()
    world.now++
    world = await world.restart({ origin: 'other.example' })
    assert.equal(serial(), before + 1)
    world = await world.restart()
    assert.equal(serial(), before + 1)
  })

  test(`a zone file that changed and kept its serial has a later one, at a start and at a reload, ${kept}`, async () => {
    const file = (text: string) => `@ SOA ns1 hostmaster 7 2 3 4 5\n@ NS ns1\nns1 TXT "${text}"`
    writeZone('other.example', file('one'))
    world = await world.restart(journalBytes === undefined ? {} : { journalBytes })
    writeZone('other.example', file('two'))
    world = await world.restart()
    assert.equal(serial(OTHER), 8)
    writeZone('other.example', file('three'))
    await world.broker.statics.reload(world.broker.store)
    assert.equal(serial(OTHER), 9)
    world = await world.restart()
    assert.equal(serial(OTHER), 9)
    assert.equal(world.broker.store.journal.bytes === 0, journalBytes === 0)
  })
}
