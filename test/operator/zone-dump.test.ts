import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { ZoneDumps } from '../../src/operator/zone-dumps.ts'
import { readMasterFile } from '../../src/zone-file/master-file.ts'
import { registerOne, World } from '../lifecycle/world.ts'

let world: World
let dumps: ZoneDumps

beforeEach(async () => {
  world = await World.open()
  dumps = new ZoneDumps(world.broker.catalog)
})

afterEach(() => world.end())

async function register(n: number): Promise<void> {
  const ipv4 = `198.51.${100 + (n >> 8)}.${n & 255}`
  await registerOne(world.lifecycle, { ipv4, nicname: `host${n}`, country: 'ca', os: 'linux' })
}

/** All slices of a dump; `between` is called after each. */
async function dumped(origin: string, between = async () => {}): Promise<string[]> {
  const lines: string[] = []
  let slice = dumps.begin(origin)
  for (;;) {
    assert.ok(slice.kind === 'done')
    for (const { name, ttl, type, rdata } of slice.value.records)
      lines.push(`${name} ${ttl} IN ${type} ${rdata}`)
    if (slice.value.next === null) return lines
    await between()
    slice = dumps.continue(slice.value.next)
  }
}

test('a dump is one version, whatever is registered between its slices, and loads as a master file', async () => {
  for (let n = 1; n <= 300; n++) await register(n)
  await world.lifecycle.bringUpNew()
  let next = 301
  const lines = await dumped('freenet6.net', async () => {
    await register(next++)
    await world.lifecycle.bringUpNew()
  })
  assert.ok(next > 301)
  assert.match(lines[0] ?? '', /^freenet6\.net\. \d+ IN SOA /)
  assert.equal(lines.filter(line => / IN SOA /.test(line)).length, 1)
  const hosts = lines.filter(line => /^host\d+\.ca\.freenet6\.net\. 60 IN AAAA 2001:db8:/.test(line))
  assert.equal(hosts.length, 300)
  assert.equal(new Set(lines).size, lines.length)
  const reading = readMasterFile({ file: 'dump', text: Buffer.from(`${lines.join('\n')}\n`) })
  assert.deepEqual(reading.faults, [])
})

test('a zone that is not served, a token that is used up and one too many are refused', async () => {
  assert.equal(dumps.begin('example.com').kind, 'refused')
  assert.equal(dumps.begin('not..a.name').kind, 'refused')
  const begun = Array.from({ length: 6 }, () => dumps.begin('freenet6.net'))
  const [first, ...rest] = begun.map(slice =>
    slice.kind === 'done' ? (slice.value.next ?? '') : assert.fail(),
  )
  assert.equal(dumps.continue(first ?? '').kind, 'refused')
  const last = rest.at(-1) ?? ''
  assert.equal(dumps.continue(last).kind, 'done')
  assert.equal(dumps.continue(last).kind, 'refused')
})

test('a dump that nobody continues for an hour gives its version back, once', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const released: number[] = []
    const counted = new ZoneDumps({
      snapshot: () => {
        const snapshot = world.broker.catalog.snapshot()
        const { release } = snapshot
        const number = begun++
        snapshot.release = () => {
          released.push(number)
          release.call(snapshot)
        }
        return snapshot
      },
    })
    let begun = 0
    const [left, kept] = [tokenOf(counted.begin('freenet6.net')), tokenOf(counted.begin('freenet6.net'))]
    mock.timers.tick(3_599_000)
    assert.equal(counted.continue(kept).kind, 'done')
    assert.deepEqual(released, [1]) // read to its end
    mock.timers.tick(1000)
    assert.deepEqual(released, [1, 0])
    assert.equal(counted.continue(left).kind, 'refused')
    mock.timers.tick(36_000_000)
    assert.deepEqual(released, [1, 0])
  } finally {
    mock.timers.reset()
  }
})

function tokenOf(slice: ReturnType<ZoneDumps['begin']>): string {
  return slice.kind === 'done' ? (slice.value.next ?? '') : assert.fail()
}
