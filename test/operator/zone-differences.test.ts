import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { wireName } from '../../src/lifecycle/tunnel-names.ts'
import { ZoneDifferences } from '../../src/operator/zone-differences.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { ORIGIN, registerOne, World } from '../lifecycle/world.ts'

let world: World
let differences: ZoneDifferences

beforeEach(async () => {
  world = await World.open()
  differences = new ZoneDifferences(world.catalog, world.broker.store.journal)
})

afterEach(() => world.end())

function serial(): number {
  return soaSerial(world.catalog.rrset(wireName(ORIGIN), TYPE.SOA)?.rdatas[0] ?? assert.fail())
}

async function register(n: number): Promise<string> {
  const ipv4 = `198.51.${100 + (n >> 8)}.${n & 255}`
  const request = { ipv4, nicname: `host${n}`, country: 'ca', os: 'linux' }
  const registration = await registerOne(world.lifecycle, request)
  return registration.kind === 'registered' ? registration.tunnel.id : assert.fail(registration.kind)
}

function changesSince(from: number): readonly string[] {
  const lines: string[] = []
  let slice = differences.begin(ORIGIN, from)
  for (;;) {
    assert.ok(slice.kind === 'done')
    lines.push(...slice.value.records.map(({ change, name, type }) => `${change} ${name} ${type}`))
    if (slice.value.next === null) return lines
    slice = differences.continue(slice.value.next)
  }
}

test('a difference has what was removed and added since, and nothing that has come and gone', async () => {
  const first = await register(1)
  const from = serial()
  await register(2)
  await world.lifecycle.delete(await register(3))
  await world.lifecycle.delete(first)
  const soa = `${ORIGIN}. SOA`
  assert.deepEqual(changesSince(from), [
    `- ${soa}`,
    `- host1.ca.${ORIGIN}. AAAA`,
    `+ ${soa}`,
    `+ host2.ca.${ORIGIN}. AAAA`,
  ])
  assert.deepEqual(changesSince(serial()), [])
})

test('a long one comes in slices', async () => {
  const from = serial()
  await Promise.all(Array.from({ length: 600 }, (_, n) => register(n + 1)))
  await world.lifecycle.bringUpNew()
  const added = changesSince(from).filter(line => / AAAA$/.test(line))
  assert.equal(new Set(added).size, 600)
})

test('a serial that is not known and a zone that is not served are refused', () => {
  const unknown = differences.begin(ORIGIN, serial() - 5)
  assert.deepEqual(unknown.kind === 'refused' && unknown.problems[0]?.params, { case: 'serial' })
  const nowhere = differences.begin('example.com', 1)
  assert.deepEqual(nowhere.kind === 'refused' && nowhere.problems[0]?.params, { case: 'zone' })
  assert.equal(differences.continue('used up').kind, 'refused')
})
