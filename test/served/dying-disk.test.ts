import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, suite, test } from 'node:test'
import { missingPackages } from '../packages.ts'
import { ask, type Server, startServer } from '../spawn.ts'
import { until } from '../until.ts'
import { LAB, register } from './visitors.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const CONFIG = `${LAB}[monitor]
interval = "500ms"
`
/** The store has tried to write several times by then. */
const TRIED_AGAIN_MS = 3000
const skip = await missingPackages(['gcc', '/usr/include/stdlib.h'])

suite('a disk that is dying', { skip: skip ?? false }, () => {
  let dir: string
  let database: string
  let library: string

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-dying-'))
    database = join(dir, 'data', 'freenet6.db')
    library = join(dir, 'fail-io.so')
    const source = join(ROOT, 'test', 'chaos', 'fail-io.c')
    execFileSync('gcc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  })
  afterEach(() => {
    restore()
    rmSync(join(dir, 'data'), { recursive: true, force: true })
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  /** From now on each of them fails with EIO below `data`. */
  function fail(what: 'reads' | 'syncs'): void {
    writeFileSync(join(dir, `io.${what}`), '')
  }

  function restore(): void {
    for (const what of ['reads', 'syncs']) rmSync(join(dir, `io.${what}`), { force: true })
  }

  function preloaded(): Record<string, string> {
    return { LD_PRELOAD: library, FAIL_IO_FLAG: join(dir, 'io'), FAIL_IO_BELOW: join(dir, 'data') }
  }

  async function reasons(server: Server): Promise<string> {
    return (await fetch(`${server.web}/healthz`)).text()
  }

  test('and does not say that it has what was written: that is told, and the tunnel comes up when it does', async () => {
    await using server = await startServer({ dir, config: CONFIG, env: preloaded() })
    fail('syncs')
    const reply = await register(server, 7)
    assert.equal(reply.status, 201)
    assert.match(await reply.text(), /"state":"new"/)
    for (const end = performance.now() + TRIED_AGAIN_MS; performance.now() < end; )
      assert.match(await reasons(server), /EIO|disk I\/O error/) // a try that has nothing to write is none
    restore()
    await until(
      async () => (await ask(server.endpoint(), 'host7.ca.freenet6.net', 'AAAA')).rcode === 'NOERROR',
    )
    await until(async () => (await fetch(`${server.web}/healthz`)).status === 200)
    // What a sync that failed has let go is nowhere but in the log: the database has it before anything follows.
    const alone = join(dir, 'alone.db')
    copyFileSync(database, alone)
    using copy = new DatabaseSync(alone)
    assert.deepEqual(copy.prepare('SELECT nicname FROM tunnels').all().map(Object.values), [['host7']])
  })

  test('and can not be read for a moment is written again afterwards, by itself, and nothing is lost', async () => {
    await using server = await startServer({ dir, config: CONFIG, env: preloaded() })
    assert.equal((await register(server, 1)).status, 201)
    const other = new DatabaseSync(database)
    other.exec('UPDATE tunnels SET nicname = nicname') // what the process has read before is read anew
    fail('reads')
    const refusal = await register(server, 2)
    assert.equal(refusal.status, 503)
    assert.match(await refusal.text(), /"code":"storage-(fault|unread)"/)
    await until(async () => /looked through/.test(await reasons(server)))
    assert.doesNotMatch(await reasons(server), /put a backup in its place/)
    assert.equal((await ask(server.endpoint(), 'host1.ca.freenet6.net', 'AAAA')).rcode, 'NOERROR')
    restore()
    await until(async () => (await register(server, 4)).status === 201)
    await until(async () => (await fetch(`${server.web}/healthz`)).status === 200)
    const names = other.prepare('SELECT nicname FROM tunnels ORDER BY nicname').all()
    other.close()
    assert.deepEqual(
      names.map(({ nicname }) => nicname),
      ['host1', 'host4'],
    )
  })

  test('is told from one that is damaged, and from one that is sound', async () => {
    await (await startServer({ dir, config: CONFIG })).stop()
    const program = join(ROOT, 'src', 'store', 'sqlite', 'look-through-program.ts')
    const look = () =>
      JSON.parse(
        execFileSync(process.execPath, [program, database], { encoding: 'utf8', env: preloaded() }),
      ) as object
    assert.deepEqual(look(), { kind: 'sound' })
    fail('reads')
    assert.deepEqual(look(), { kind: 'unreadable', reason: 'EIO: i/o error, read' })
    restore()
    rmSync(`${database}-wal`, { force: true })
    writeFileSync(database, Buffer.alloc(65_536, 0xa5))
    assert.match(JSON.stringify(look()), /"damaged","reason":"file is not a database"/)
  })
})
