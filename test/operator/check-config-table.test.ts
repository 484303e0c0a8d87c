/** What check-config says of a table that the configuration may not be meant for, and what it leaves alone. */
import assert from 'node:assert/strict'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { configText, runCli, startServer } from '../spawn.ts'

const LAB =
  '[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n[web]\nregistrations_per_hour = 0\n'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'freenet6-check-table-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function warnings(top: string, lab = LAB): Promise<readonly string[]> {
  const file = join(dir, 'check.toml')
  writeFileSync(file, configText(`${top}${lab}`))
  const { code, stdout } = await runCli(['check-config', '--json', '--config', file])
  assert.equal(code, 0, stdout)
  const all = (JSON.parse(stdout) as { warnings: string[] }).warnings
  return all.filter(line => !line.includes('documentation'))
}

async function withTunnels() {
  const server = await startServer({ dir, config: LAB })
  for (const nicname of ['one', 'two']) {
    const response = await fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ipv4: `198.51.100.${nicname.length + nicname.charCodeAt(0)}`,
        nicname,
        country: 'ca',
        os: 'linux',
      }),
    })
    assert.equal(response.status, 201)
  }
  return server
}

/** Names, sizes and contents of what lies in the directory of the data. */
function contents(): readonly (readonly [string, number, string])[] {
  return readdirSync(join(dir, 'data')).flatMap(name => {
    const file = join(dir, 'data', name)
    return statSync(file).isFile()
      ? [[name, statSync(file).mtimeMs, readFileSync(file, 'base64')] as const]
      : []
  })
}

test('a data_dir without a database is a warning, since another one may be meant', async () => {
  const [warning] = await warnings('data_dir = "dta"\n')
  assert.equal(warning, `data_dir = "${join(dir, 'dta')}": there is no database yet: a new one will be made`)
})

test('beside a process that serves: rows that the configuration can’t use, and names that will be others', async () => {
  await using _ = await withTunnels()
  assert.deepEqual(await warnings(''), [])
  const device = await warnings('', LAB.replace('[web]', 'device_prefix = "t6-"\n[web]'))
  assert.deepEqual(device, [
    `${join(dir, 'data', 'freenet6.db')}: 2 of 2 tunnels can't be used with this configuration: tunnel.device_prefix = "t6-": device does not begin with t6-`,
  ])
  const [prefix] = await warnings('', LAB.replace('[web]', 'prefix = "2001:db8:f7::/48"\n[web]'))
  assert.match(
    prefix ?? '',
    /: 2 of 2 tunnels can't be used with .*: tunnel\.prefix = "2001:db8:f7::\/48": IPv6client/,
  )
  const origin = await warnings('origin = "example.net"\n')
  assert.ok(
    origin.includes(
      'origin = "example.net": the tunnels have their names in freenet6.net: all of them will have other names',
    ),
    origin.join('\n'),
  )
})

test('where nothing runs it makes and changes nothing, be it after a crash', async () => {
  await using server = await withTunnels()
  await server.kill()
  const crashed = contents()
  assert.deepEqual(await warnings(''), [])
  assert.deepEqual(contents(), crashed)
  await using again = await startServer({ dir, config: LAB })
  await again.stop()
  const stopped = contents()
  assert.deepEqual(await warnings(''), [])
  assert.deepEqual(contents(), stopped)
  assert.ok(stopped.every(([name]) => !/-(wal|shm)$/.test(name)))
})

test('a file that is no database, or one that is gone, is said to be no table', async () => {
  await using server = await withTunnels()
  await server.stop()
  const file = join(dir, 'data', 'freenet6.db')
  cpSync(file, join(dir, 'kept.db'))
  rmSync(file)
  assert.match(
    (await warnings('')).join(),
    /could not be looked at: .*freenet6\.db is not there, and was a database once/,
  )
  writeFileSync(file, 'no database at all\n'.repeat(500))
  assert.match((await warnings('')).join(), /could not be looked at: .*freenet6\.db/)
  cpSync(join(dir, 'kept.db'), file)
  const older = new DatabaseSync(file)
  older.exec('PRAGMA user_version = 3')
  older.close()
  assert.deepEqual(await warnings(''), [])
})

test('a zones_dir that is not there, or is empty, is a warning where files gave zones before', async () => {
  await using server = await withTunnels()
  await server.stop()
  const { zones_dir: former, ...rest } = parse(readFileSync(join(dir, 'freenet6.toml'), 'utf8'))
  const told = async (zones: TomlTable) => {
    writeFileSync(join(dir, 'check.toml'), stringify({ ...rest, ...zones }))
    const { stdout } = await runCli(['check-config', '--config', join(dir, 'check.toml')])
    return stdout
  }
  assert.ok(
    (await told({})).includes(
      `warning: zones_dir = "${join(dir, 'zones')}": is not there, and ${former} gave freenet6.net.: until their files are back they are SERVFAIL`,
    ),
  )
  mkdirSync(join(dir, 'none'))
  assert.match(
    await told({ zones_dir: 'none' }),
    /"\S+none": has no zone file, and \S+ gave freenet6\.net\.: they are served no more/,
  )
})
