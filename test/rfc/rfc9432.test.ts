import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Broker } from '../../src/broker.ts'
import { compose } from '../../src/compose.ts'
import { parseConfig } from '../../src/config/config.ts'
import { TYPE, typeText } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import { soaSerial } from '../../src/zone/serial.ts'
import { wire } from '../engine/zones.ts'
import { SILENT } from '../lifecycle/world.ts'
import { configText } from '../spawn.ts'

const APEX = wire('catalog.invalid.')
const REVERSE = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'

let dir: string
let broker: Broker

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-catalog-'))
  mkdirSync(join(dir, 'zones'))
  write('other.example')
  broker = await open()
})

afterEach(() => {
  broker.close()
  rmSync(dir, { recursive: true, force: true })
})

async function open(): Promise<Broker> {
  const reading = parseConfig(
    configText(`zones_dir = "zones"\n[dns]\ncatalog_zone = "Catalog.invalid"`),
    join(dir, 'freenet6.toml'),
  )
  if (reading.kind === 'mistakes') assert.fail(reading.mistakes.join('\n'))
  return compose(reading.config, { log: SILENT })
}

function write(name: string, records = '@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1'): void {
  writeFileSync(join(dir, 'zones', `${name}.zone`), `$TTL 60\n${records}\n`)
}

/** Members by the label that stands for each. */
function members(): ReadonlyMap<string, string> {
  const found = broker.catalog.walk(APEX, undefined, 1000).filter(({ type }) => type === TYPE.PTR)
  return new Map(
    found.map(({ owner, rdatas }) => [formatName(owner), formatName(rdatas[0] ?? new Uint8Array([0]))]),
  )
}

function serial(): number {
  return soaSerial(broker.catalog.rrset(APEX, TYPE.SOA)?.rdatas[0] ?? assert.fail('no catalog zone'))
}

test('4.1, 4.2: the catalog zone has a SOA, one NS, its version, and a PTR for each zone but itself', () => {
  const rrsets = broker.catalog.walk(APEX, undefined, 1000)
  const others = rrsets.filter(({ type }) => type !== TYPE.PTR)
  assert.deepEqual(
    others.map(({ owner, type, rdatas }) => [formatName(owner), typeText(type), rdatas.length]),
    [
      ['catalog.invalid.', 'NS', 1],
      ['catalog.invalid.', 'SOA', 1],
      ['version.catalog.invalid.', 'TXT', 1],
    ],
  )
  assert.deepEqual(others[2]?.rdatas, [Uint8Array.of(1, 0x32)])
  assert.deepEqual([...members().values()].sort(), [REVERSE, 'freenet6.net.', 'other.example.'])
  for (const owner of members().keys()) assert.match(owner, /^[0-9a-f]{32}\.zones\.catalog\.invalid\.$/)
})

test('a zone that comes with a reload is listed with a later serial, and the others keep their labels', async () => {
  const [before, old] = [serial(), members()]
  write('more.example')
  await broker.statics.reload(broker.store)
  assert.equal(serial(), before + 1)
  assert.deepEqual(
    [...members()].filter(([owner]) => !old.has(owner)).map(([, member]) => member),
    ['more.example.'],
  )
  await broker.statics.reload(broker.store)
  assert.equal(serial(), before + 1)
})

test('a zone that a start finds broken stays in the list: secondaries keep what they have of it', async () => {
  const before = serial()
  broker.close()
  write('other.example', 'this is no zone')
  write('more.example')
  broker = await open()
  assert.deepEqual([...members().values()].sort(), [
    REVERSE,
    'freenet6.net.',
    'more.example.',
    'other.example.',
  ])
  assert.ok(serial() > before)
})

test('a file that gives a zone of the same name is a mistake', async () => {
  broker.close()
  write('catalog.invalid')
  await assert.rejects(open(), /catalog_zone = "catalog\.invalid\.": a zone file gives/)
  rmSync(join(dir, 'zones', 'catalog.invalid.zone'))
  broker = await open()
})
