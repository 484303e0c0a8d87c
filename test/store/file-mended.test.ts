import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { FileMended } from '../../src/store/sqlite/file-mended.ts'

test('a damaged file is read through once, and again when it has been touched; a fresh one is left alone first', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-mended-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const [file, sound] = [join(directory, 'freenet6.db'), join(directory, 'sound.db')]
  new DatabaseSync(sound).exec('CREATE TABLE tunnels (id)')
  const { size } = statSync(sound)
  writeFileSync(file, Buffer.alloc(size, 0xa5))
  utimesSync(file, 1, 1)
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const mended = new FileMended(file)
  const isWhole = (seconds: number) => {
    now += seconds * 1000
    return mended.isWhole(AbortSignal.timeout(60_000))
  }
  assert.equal(await isWhole(1), false)
  assert.equal(await isWhole(6), false) // it was read
  cpSync(sound, file)
  utimesSync(file, 1, 1) // as if nothing had happened: nobody reads it
  assert.equal(await isWhole(6000), false)
  utimesSync(file, 2, 2)
  assert.equal(await isWhole(1), false) // somebody may still write
  assert.equal(await isWhole(6), true)
})
