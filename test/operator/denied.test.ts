import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { Database } from '../../src/store/sqlite/database.ts'
import { requirePackages } from '../packages.ts'
import { configText, startServer } from '../spawn.ts'

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
const NOBODY = 65_534
/** Root without the right to open what belongs to others is a user as any other. */
const AS_OTHER = ['--bounding-set=-dac_override,-dac_read_search', process.execPath, CLI]
const MEND = /`sudo -u nobody freenet6 …`, or as root `runuser -u nobody -- freenet6 …`/

function give(path: string, mode: number): void {
  chmodSync(path, mode)
  chownSync(path, NOBODY, NOBODY)
}

suite('what belongs to another user', {
  skip: process.getuid?.() !== 0 && 'only root can give files away',
}, () => {
  let dir: string
  let config: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-denied-'))
    config = join(dir, 'freenet6.toml')
    writeFileSync(config, configText(''))
    mkdirSync(join(dir, 'data'))
    Database.open(join(dir, 'data', 'freenet6.db')).close()
    for (const name of readdirSync(join(dir, 'data'))) give(join(dir, 'data', name), 0o600)
    give(join(dir, 'data'), 0o700)
  })
  after(() => rmSync(dir, { recursive: true }))

  /** The refusal of a command that is run by somebody else. */
  function refusal(words: readonly string[], { file = config } = {}): { code: string; detail: string } {
    const { status, stdout } = spawnSync('setpriv', [...AS_OTHER, ...words, '--config', file, '--json'], {
      encoding: 'utf8',
    })
    assert.notEqual(status, 0)
    return JSON.parse(stdout)
  }

  test('is named with its owner, and with the command that opens it', async t => {
    if (!(await requirePackages(t, ['setpriv']))) return
    const backup = join(dir, 'data', 'freenet6.db')
    for (const words of [['tunnel', 'list'], ['restart'], ['doctor'], ['serve'], ['restore', backup]]) {
      const { code, detail } = refusal(words)
      assert.equal(code, 'access-denied', words.join(' '))
      assert.match(detail, new RegExp(`^root may not open ${join(dir, 'data')}\\S*, which is for nobody`))
      assert.match(detail, MEND)
    }
  })

  for (const [name, words] of [
    ['freenet6.db', ['tunnel', 'list']],
    ['freenet6.db-wal', ['tunnel', 'list']],
    ['freenet6.db.lock', ['restore', 'none.db']],
  ] as const)
    test(`is told of ${name} where the directory lets one pass`, async t => {
      if (!(await requirePackages(t, ['setpriv']))) return
      const data = join(dir, 'data')
      chmodSync(data, 0o755)
      for (const path of [data, ...readdirSync(data).map(file => join(data, file))]) chownSync(path, 0, 0)
      const file = join(data, name)
      writeFileSync(file, '', { flag: 'a' })
      give(file, 0o600)
      const { code, detail } = refusal(words)
      assert.equal(code, 'access-denied', detail)
      assert.ok(detail.startsWith(`root may not open ${file}, which is for nobody`), detail)
    })

  test('is told of the socket of a process that runs', async t => {
    if (!(await requirePackages(t, ['setpriv']))) return
    await using server = await startServer()
    const socket = join(server.dir, 'data', 'control.sock')
    give(socket, 0o600)
    const { code, detail } = refusal(['status'], { file: join(server.dir, 'freenet6.toml') })
    assert.equal(code, 'access-denied')
    assert.ok(detail.startsWith(`root may not open ${socket}, which is for nobody`), detail)
  })

  test('is told of the configuration', async t => {
    if (!(await requirePackages(t, ['setpriv']))) return
    const own = join(dir, 'own')
    mkdirSync(own)
    writeFileSync(join(own, 'freenet6.toml'), configText(''))
    give(own, 0o700)
    const { code, detail } = refusal(['status'], { file: join(own, 'freenet6.toml') })
    assert.equal(code, 'configuration')
    assert.match(detail, /root may not, it is for nobody: run the command as nobody \(sudo -u nobody /)
  })

  test('is told of what it would make in a directory of others, and to take another place', async t => {
    if (!(await requirePackages(t, ['setpriv']))) return
    const foreign = join(dir, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'freenet6.toml'), configText(''))
    give(foreign, 0o755)
    const { code, detail } = refusal(['serve'], { file: join(foreign, 'freenet6.toml') })
    assert.equal(code, 'access-denied')
    assert.ok(detail.startsWith(`root may not make ${join(foreign, 'data')}: the directory above`), detail)
    assert.match(detail, /`data_dir`/)
    assert.doesNotMatch(detail, /sudo|runuser/)
  })
})
