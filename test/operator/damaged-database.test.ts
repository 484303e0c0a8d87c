import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, beforeEach, suite, test } from 'node:test'
import { configText, runCli } from '../spawn.ts'

const LAB = '[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n'
const FILL = join(import.meta.dirname, '..', '..', 'bench', 'fill.ts')
const HEADER_PAGE = 4096

suite('a database that can not be read, where no process runs', () => {
  let dir: string
  let config: readonly string[]
  let database: string

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-damaged-'))
    const file = join(dir, 'freenet6.toml')
    config = ['--config', file]
    database = join(dir, 'data', 'freenet6.db')
    writeFileSync(file, configText(LAB))
    execFileSync(process.execPath, [FILL, ...config, '--tunnels', '200'], { stdio: 'pipe' })
    new DatabaseSync(database).close() // brings the log into the file
    cpSync(database, join(dir, 'whole.db'))
  })
  beforeEach(() => {
    rmSync(join(dir, 'data'), { recursive: true })
    mkdirSync(join(dir, 'data'), { mode: 0o700 })
    cpSync(join(dir, 'whole.db'), database)
  })
  after(() => rmSync(dir, { recursive: true }))

  /** What a command says of it, as a program reads it. */
  async function problemOf(...words: string[]): Promise<{ code: string; detail: string }> {
    const { code, stdout } = await runCli([...words, '--json', ...config])
    assert.equal(code, 1, stdout)
    return JSON.parse(stdout)
  }

  test('pages that can not be right are named with their file and the remedy', async () => {
    garble(database, HEADER_PAGE)
    for (const words of [
      ['tunnel', 'list'],
      ['status'],
      ['tunnel', 'delete', 'h1.ad'],
      ['backup', join(dir, 'copy')],
    ]) {
      const { code, detail } = await problemOf(...words)
      assert.equal(code, 'database-unreadable', words.join(' '))
      assert.ok(detail.startsWith(`${database} can't be used as a database: `), detail)
      assert.match(detail, /freenet6 restore FILE/)
    }
    const { stderr } = await runCli(['tunnel', 'list', ...config])
    assert.match(stderr, /^database-unreadable: .*freenet6 restore FILE/)
  })

  test('what is for a running process alone does not look at it to say that none runs', async () => {
    garble(database, 0)
    for (const words of [['restart'], ['reload'], ['log'], ['notify'], ['tunnel', 'why', 'h1.ad']])
      assert.equal((await problemOf(...words)).code, 'not-running', words.join(' '))
  })

  test('a file that is no database, and one of a newer program, have codes of their own', async () => {
    const newer = new DatabaseSync(database)
    newer.exec('PRAGMA user_version = 9999')
    newer.close()
    assert.equal((await problemOf('tunnel', 'list')).code, 'database-newer')
    garble(database, 0)
    assert.equal((await problemOf('tunnel', 'list')).code, 'database-unreadable')
  })

  test('one that the sqlite3 shell keeps for itself is not said to be broken', async () => {
    const shell = new DatabaseSync(database)
    shell.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE')
    assert.equal((await problemOf('tunnel', 'list')).code, 'storage-busy')
    shell.close()
  })

  test('a restore that is refused says by a code of its own why', async () => {
    const damaged = join(dir, 'damaged.db')
    cpSync(database, damaged)
    garble(damaged, HEADER_PAGE)
    for (const [file, reason] of [
      [join(dir, 'none.db'), /there is no such file/],
      [damaged, /damaged|malformed/],
      [dir, /./],
    ] as const) {
      const { code, detail } = await problemOf('restore', file)
      assert.equal(code, 'restore-refused', file)
      assert.match(detail, reason)
    }
  })
})

/** Fills what follows an offset with what no page of a database begins with. */
function garble(file: string, offset: number): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(statSync(file).size - offset, 0xa5), 0, undefined, offset)
  closeSync(descriptor)
}
