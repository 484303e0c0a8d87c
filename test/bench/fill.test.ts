import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'

const FILL = join(import.meta.dirname, '..', '..', 'bench', 'fill.ts')

interface Filled {
  readonly status: number | null
  readonly stderr: string
  readonly directory: string
}

function fill(t: TestContext, tunnelSection: string, tunnels: string): Filled {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-fill-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'freenet6.toml'), `[tunnel]\n${tunnelSection}\n`)
  return { ...fillAgain(directory, tunnels), directory }
}

function fillAgain(directory: string, tunnels: string): Omit<Filled, 'directory'> {
  const args = [FILL, '--config', join(directory, 'freenet6.toml'), '--tunnels', tunnels]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, stderr }
}

function rowsOf(t: TestContext, directory: string): DatabaseSync {
  const database = new DatabaseSync(join(directory, 'data', 'freenet6.db'))
  t.after(() => database.close())
  return database
}

test('fill makes active tunnels named h0, h1, … with countries in turn', t => {
  const { status, stderr, directory } = fill(t, '', '300')
  assert.deepEqual([status, stderr], [0, ''])
  const database = rowsOf(t, directory)
  assert.equal(database.prepare('SELECT count(*) AS n FROM tunnels WHERE unreachable = 0').get()?.n, 300)
  const address = database.prepare('SELECT IPv6client FROM tunnels WHERE nicname = ? AND country = ?')
  assert.equal(address.get('h0', 'ad')?.IPv6client, '2001:db8:f6::2')
  assert.equal(address.get('h1', 'ae')?.IPv6client, '2001:db8:f6:1::2')
  assert.equal(address.get('h249', 'ad')?.IPv6client, '2001:db8:f6:f9::2')
})

test('fill says how many tunnels the prefix has room for, and leaves the database empty', t => {
  const { status, stderr, directory } = fill(t, 'prefix = "2001:db8:f6::/60"', '17')
  assert.deepEqual(
    [status, stderr],
    [1, 'tunnel.prefix = "2001:db8:f6::/60" has room for 16 tunnels, not 17\n'],
  )
  assert.equal(rowsOf(t, directory).prepare('SELECT count(*) AS n FROM tunnels').get()?.n, 0)
})

test('fill goes beyond max_tunnels and says what that means', t => {
  const { status, stderr } = fill(t, 'max_tunnels = 3', '4')
  assert.equal(status, 0)
  assert.match(stderr, /^max_tunnels = 3 is less than 4: the server will take no further registration\n$/)
})

test('fill refuses a database that holds tunnels', t => {
  const { directory } = fill(t, '', '1')
  const { status, stderr } = fillAgain(directory, '1')
  assert.equal(status, 1)
  assert.match(stderr, /holds 1 tunnels already: fill an empty one/)
})

test('fill refuses a number of tunnels that is none', t => {
  assert.equal(fill(t, '', 'many').status, 2)
})
