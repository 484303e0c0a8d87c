import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { NEW } from '../../src/tunnel/tunnel.ts'
import { missingPackages } from '../packages.ts'

const CHILD = join(import.meta.dirname, 'power-cut-child.ts')
const SOURCE = join(import.meta.dirname, 'keep-synced.c')
const skip = await missingPackages(['gcc', '/usr/include/stdlib.h'])

suite('the power goes in the moment that a registration is acknowledged', { skip: skip ?? false }, () => {
  let folder: string
  let library: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'freenet6-power-'))
    library = join(folder, 'keep-synced.so')
    execFileSync('gcc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'])
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** The rows that the disk has when the child is gone: what was written and not synced is lost. */
  function rowsLeft(how: 'brought up' | 'refused' | 'unsettled' | 'failed sync'): readonly string[] {
    const [world, disk] = [join(folder, `${how} world`), join(folder, `${how} disk`)]
    for (const made of [world, disk]) mkdirSync(made)
    const env = {
      ...process.env,
      LD_PRELOAD: library,
      KEEP_SYNCED_OF: join(world, 'data'),
      KEEP_SYNCED_IN: disk,
      KEEP_SYNCED_FAIL: join(folder, 'fail'),
    }
    const { signal, stderr } = spawnSync(process.execPath, [CHILD, world, how], { env, encoding: 'utf8' })
    assert.equal(signal, 'SIGKILL', stderr)
    using database = new DatabaseSync(join(disk, 'freenet6.db'))
    const rows = database.prepare('SELECT nicname, unreachable FROM tunnels ORDER BY 1').all()
    return rows.map(({ nicname, unreachable }) => `${nicname} ${unreachable}`)
  }

  test('it is there, and so is its name', () => {
    assert.deepEqual(rowsLeft('brought up'), ['host1 0'])
  })

  test('it is there although its interface could not be made, and nothing was written after its row', () => {
    assert.deepEqual(rowsLeft('refused'), [`host1 ${NEW}`])
  })

  test('it would be gone if nobody had waited for the disk: the two before can fail', () => {
    assert.deepEqual(rowsLeft('unsettled'), [])
  })

  test('and so are those of the registrations whose sync came after one that failed', () => {
    // The names of the second were tried again with those of the third.
    assert.deepEqual(rowsLeft('failed sync'), ['host1 0', 'host2 0', 'host3 0', 'host4 0'])
  })
})
