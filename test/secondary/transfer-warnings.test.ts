/** What the log says of secondaries that are refused: most of them ask for the SOA first, and for nothing after that. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { Client } from '../../src/engine/client.ts'
import { Nameserver } from '../../src/engine/nameserver.ts'
import type { TsigKey } from '../../src/engine/tsig-key.ts'
import { Secondaries } from '../../src/secondary/secondaries.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { type Key, NOW, type Signing, signed } from '../engine/tsig-client.ts'
import { catalogOf, queryOf, wire } from '../engine/zones.ts'
import { SILENT } from '../lifecycle/world.ts'
import { ZONE } from './listener.ts'

const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }
const TSIG_KEY: TsigKey = { name: wire(KEY.name), algorithm: 'hmac-sha256', secret: KEY.secret }
const OTHER: Key = { ...KEY, secret: Buffer.from('another secret') }
const AT_HOME = [192, 0, 2, 53]
const ELSEWHERE = [192, 0, 2, 99]

let catalog: Catalog
let secondaries: Secondaries
let nameserver: Nameserver
let warnings: { readonly reason?: string; readonly clock?: string }[]

beforeEach(() => {
  catalog = catalogOf(ZONE)
  warnings = []
  secondaries = new Secondaries({
    catalog,
    secondaries: [{ endpoint: { address: AT_HOME.join('.'), port: 53 }, keyName: TSIG_KEY.name }],
    keys: [TSIG_KEY],
    source: '',
    log: { ...SILENT, warn: (facts: object) => void warnings.push(facts) },
  })
  const onRefused: typeof nameserver.onRefused = refused => secondaries.noteRefused(refused)
  const transfers = { allow: [], snapshot: () => catalog.snapshot(), onRefused }
  nameserver = new Nameserver({ catalog, nsid: '', version: '', hostname: '', keys: [TSIG_KEY], transfers })
  nameserver.onRefused = onRefused
})

afterEach(() => secondaries.stop())

interface Asking {
  readonly from?: readonly number[]
  readonly transport?: 'udp' | 'tcp'
  readonly type?: string
  readonly key?: Key
  readonly signing?: Signing
  readonly name?: string
}

function ask(asking: Asking): void {
  const { from = AT_HOME, transport = 'udp', type = 'SOA', key = KEY, name = 'example.' } = asking
  const client = new Client(transport)
  client.octets.set(from)
  client.length = from.length
  client.seconds = NOW
  const { octets } = signed(queryOf(name, type), key, asking.signing)
  nameserver.converse(octets, octets.length, Buffer.alloc(65_535), client)
}

suite('a secondary whose signature is not taken', () => {
  for (const transport of ['udp', 'tcp'] as const) {
    test(`is in the log with the reason where it asks for the SOA, over ${transport.toUpperCase()}`, () => {
      ask({ transport, key: OTHER })
      assert.match(warnings[0]?.reason ?? '', /another secret/)
    })
  }

  test('is there once for the SOA and the transfer', () => {
    for (const type of ['SOA', 'AXFR', 'SOA']) ask({ transport: 'tcp', key: OTHER, type })
    assert.equal(warnings.length, 1)
  })

  test('is there with the seconds that its clock differs, once though they change', () => {
    for (const late of [600, 601]) ask({ signing: { timeSigned: NOW - late } })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]?.reason ?? '', /clock/)
    assert.equal(warnings[0]?.clock, '600 s behind ours')
  })

  test('is not told of its clock where a transfer comes a second time', () => {
    for (let times = 0; times < 2; times++) ask({ transport: 'tcp', type: 'AXFR' })
    assert.deepEqual(
      warnings.map(({ clock }) => clock),
      [undefined, undefined],
    )
    assert.match(warnings[1]?.reason ?? '', /a second time/)
  })

  test('is known by its key where it comes from elsewhere', () => {
    ask({ from: ELSEWHERE, key: OTHER })
    assert.equal(warnings.length, 1)
  })

  test('is in the log still after addresses without number were forged with the name of its key', () => {
    for (let host = 1; host <= 200; host++) ask({ from: [203, 0, 113, host], key: OTHER })
    assert.equal(warnings.length, 1)
    ask({ transport: 'tcp', type: 'AXFR', key: OTHER })
    assert.equal(warnings.length, 2)
  })

  test('is in the log where it asks over UDP for differences that it may not have', () => {
    ask({ type: 'IXFR' })
    assert.match(warnings[0]?.reason ?? '', /among dns\.allow_transfer/)
  })
})

test('who says over UDP that he is somebody is not in the log, nor who asks for something else', () => {
  ask({ from: ELSEWHERE, key: { ...OTHER, name: 'unknown.example.' } })
  ask({ key: OTHER, type: 'A' })
  ask({ key: OTHER, name: 'elsewhere.' })
  assert.deepEqual(warnings, [])
})
