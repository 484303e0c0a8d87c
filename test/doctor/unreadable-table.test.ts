import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askRunningBroker } from '../../src/doctor/running-broker.ts'
import { startServer } from '../spawn.ts'

test('a broker that can not read its table says how it is all the same', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-doctor-'))
  try {
    mkdirSync(join(dir, 'data'), { mode: 0o700 })
    writeFileSync(join(dir, 'data', 'freenet6.db'), 'no database at all')
    await using server = await startServer({ dir, config: 'data_dir = "data"\n' })
    const broker = await askRunningBroker(join(server.dir, 'data', 'control.sock'))
    assert.ok(typeof broker !== 'string')
    assert.match(broker.status.troubles.join(), /freenet6\.db/)
    assert.deepEqual([broker.differences, broker.expectations], [0, []])
    assert.match(broker.refusals.join(), /database|storage|written/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
