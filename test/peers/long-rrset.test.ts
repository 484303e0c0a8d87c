/**
 * 1,200 addresses at one owner: a reply of more octets than compression pointers reach (RFC 1035 4.1.4), read by dig and
 * by kdig, and a zone whose rrset goes over messages of a transfer, taken by Debian's knotd and nsd.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { missingPackages } from '../packages.ts'
import { startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { brokerConfig, KEY_NAME, SECRET, SIGNED } from './followed-broker.ts'
import { SecondaryServer } from './secondary-server.ts'
import { dumpZone, recordLines } from './zone-dump.ts'

const ZONE = 'long.example.'
const ADDRESSES = 1200
const POINTER_REACH = 0x3fff
const APEX = [
  'long.example. 60 IN SOA a.hosts.long.example. h.long.example. 1 3600 600 1209600 60',
  'long.example. 60 IN NS a.hosts.long.example.',
]
const SERVICES = [
  '_dns._tcp.long.example. 60 IN SRV 0 0 53 a.hosts.long.example.',
  '_dns._tcp.long.example. 60 IN SRV 0 0 53 b.hosts.long.example.',
]
/** Those of b come last in a reply: its name is first written where no pointer leads, then once more. */
const HOSTS = [
  ...Array.from({ length: ADDRESSES }, (_, i) => `a.hosts.long.example. 60 IN A 10.0.${i >> 8}.${i & 255}`),
  'b.hosts.long.example. 60 IN A 10.9.0.1',
  'b.hosts.long.example. 60 IN A 10.9.0.2',
]
const RECORDS = [...APEX, ...SERVICES, ...HOSTS]

let dir: string
let stack: AsyncDisposableStack
let primary: Endpoint

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-long-rrset-'))
  mkdirSync(join(dir, 'zones'))
  writeFileSync(join(dir, 'zones', `${ZONE}zone`), `${RECORDS.join('\n')}\n`)
  stack = new AsyncDisposableStack()
  primary = { address: '127.0.0.1', port: await freePort() }
})

afterEach(async () => {
  await stack.disposeAsync()
  rmSync(dir, { recursive: true, force: true })
})

suite('1,200 addresses at one owner are all read, and nothing else', {
  skip: (await missingPackages(['dig', 'kdig', 'knotd', 'nsd'])) ?? false,
}, () => {
  for (const program of ['dig', 'kdig'])
    test(`by ${program}, in one reply over TCP`, async () => {
      stack.use(await startServer({ dir, config: brokerConfig(primary, []) }))
      const { address, port } = primary
      const { stdout } = await promisify(execFile)(program, [
        ...[`@${address}`, '-p', String(port), '+tcp', '_dns._tcp.long.example.', 'SRV'],
      ])
      const [, octets] = /(?:MSG SIZE {2}rcvd: |;; Received )(\d+)/.exec(stdout) ?? []
      assert.ok(Number(octets) > POINTER_REACH, stdout.slice(-300))
      const read = recordLines(stdout).filter(line => !line.includes(' in ns ')) // it may stand in the authority section
      assert.deepEqual(read, recordLines([...SERVICES, ...HOSTS].join('\n')))
    })

  for (const name of ['knotd', 'nsd'] as const)
    test(`by ${name}, as a secondary`, async () => {
      const secondary = stack.use(await SecondaryServer.prepare(name, dir))
      stack.use(await startServer({ dir, config: brokerConfig(primary, [secondary]) }))
      secondary.start({ primary, zones: [ZONE], secret: SECRET, keyName: KEY_NAME })
      const { endpoint } = secondary
      const held = () => dumpZone(endpoint, ZONE, ['-b', endpoint.address])
      await until(async () => (await held()).length > 1, `${name} has no zone`)
      const wanted = recordLines(RECORDS.join('\n'))
      assert.deepEqual(await held(), wanted)
      assert.deepEqual(await dumpZone(primary, ZONE, SIGNED), wanted)
    })
})
