/** Zones of files that a start does not find any more. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { compose } from '../src/compose.ts'
import { parseConfig } from '../src/config/config.ts'
import { TYPE } from '../src/wire/codes.ts'
import { SILENT } from './lifecycle/world.ts'
import { nameOf } from './zone/zone-text.ts'

const LAB = `[dns]
catalog_zone = "list.example"
[tunnel]
driver = "dry-run"
allow_special_purpose = true
`
let dir: string

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-kept-zones-'))
  mkdirSync(join(dir, 'mine'))
  const text = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.3\n'
  for (const name of ['example.org', 'freenet6.net']) writeFileSync(join(dir, 'mine', `${name}.zone`), text)
  assert.deepEqual(await startWith('zones_dir = "mine"\n'), { missed: [], listed: 3 })
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** What a start with this line misses, and how many zones the catalog zone lists. */
async function startWith(line: string) {
  const reading = parseConfig(`${line}${LAB}`, join(dir, 'freenet6.toml'))
  assert.ok(reading.kind === 'config', JSON.stringify(reading))
  const broker = await compose(reading.config, { log: SILENT })
  try {
    const list = broker.catalog.walk(nameOf('list.example.'), undefined, 100)
    return {
      missed: [...broker.statics.failures],
      listed: list.filter(({ type }) => type === TYPE.PTR).length,
    }
  } finally {
    broker.close()
  }
}

test('a start without the line of zones_dir misses its zones: they stay on the list until their files are back', async () => {
  const { missed, listed } = await startWith('')
  assert.equal(listed, 3)
  assert.equal(missed.length, 2)
  for (const [at, name] of ['example.org.', 'freenet6.net.'].entries())
    assert.ok(
      missed[at]?.startsWith(
        `${join(dir, 'zones')}: is not there, and zones_dir was ${join(dir, 'mine')} before, where a file gave ${name}`,
      ),
      missed[at],
    )
  assert.deepEqual(await startWith('zones_dir = "mine"\n'), { missed: [], listed: 3 })
})

test('an empty folder that is named anew is how to serve none of them any more', async () => {
  mkdirSync(join(dir, 'none'))
  assert.deepEqual(await startWith('zones_dir = "none"\n'), { missed: [], listed: 2 })
})
