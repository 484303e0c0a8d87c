import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, startServer } from '../spawn.ts'
import { type Memory, RELEASING, settledMemory } from './settled-memory.ts'

const ZONES = 20_000
/** A few seconds on a machine of its own. */
const PATIENCE_MS = 180_000
const MEGABYTE = 2 ** 20
/** Beside the program itself; the zones of a registrar's customers shall have room on the smallest machine for rent. */
const MOST_MEGABYTES = 150

/** A zone as a registrar makes it for a customer: six records. */
function zoneText(n: number): string {
  return `$ORIGIN zone${n}.example.
$TTL 3600
@ SOA ns1.example.net. hostmaster.example.net. 1 3600 600 1209600 300
@ NS ns1.example.net.
@ NS ns2.example.net.
@ A 192.0.2.${n % 256}
@ MX 10 mail.example.net.
www AAAA 2001:db8::${n.toString(16).slice(-4)}
`
}

/** A directory with so many zones in its zones_dir. */
function directoryWith(zones: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-zones-'))
  mkdirSync(join(dir, 'zones'))
  for (let n = 0; n < zones; n++) writeFileSync(join(dir, 'zones', `zone${n}.example.zone`), zoneText(n))
  return dir
}

/** What a server holds that serves so many zones, once it has answered from the last of them. */
async function memoryWith(zones: number): Promise<Memory> {
  const dir = directoryWith(zones)
  try {
    await using server = await startServer({ dir, env: RELEASING, patience: PATIENCE_MS })
    const last = await ask(server.endpoint(), `www.zone${zones - 1}.example`, 'AAAA')
    assert.equal(last.rcode, 'NOERROR')
    return await settledMemory(server)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test(`${ZONES} zones of six records cost ${MOST_MEGABYTES} MB at most`, async t => {
  const base = await memoryWith(1)
  const memory = await memoryWith(ZONES)
  const above = Math.round((memory.resident - base.resident) / MEGABYTE)
  t.diagnostic(`${above} MB, of which ${Math.round((memory.heap - base.heap) / MEGABYTE)} MB of heap`)
  assert.ok(above <= MOST_MEGABYTES, `${above} MB`)
})
