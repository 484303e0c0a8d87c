import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requirePackages } from '../packages.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const SYSTEMD = join(ROOT, 'deploy', 'systemd')
const UNIT = join(SYSTEMD, 'freenet6.service')
/** Tenths: what `systemd-analyze security` may find exposed. */
const MOST_EXPOSURE = 25

function run(command: string, ...args: string[]) {
  return spawnSync(command, args, { encoding: 'utf8' })
}

test('unit and container start Node with the flags of npm start', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  const flags = (text: string | undefined) => text?.match(/--[a-z0-9=-]+(?=.*src\/cli\.ts)/g)
  const container = readFileSync(join(ROOT, 'deploy', 'Containerfile'), 'utf8')
  const started = flags(scripts.start)
  assert.equal(started?.length, 2)
  assert.deepEqual(flags(/^ExecStart=.*/m.exec(readFileSync(UNIT, 'utf8'))?.[0]), started)
  assert.deepEqual(flags(/^ENTRYPOINT .*/m.exec(container)?.[0]), started)
})

test('the unit exposes little', async t => {
  if (!(await requirePackages(t, ['systemd-analyze']))) return
  const { status, stdout } = run(
    'systemd-analyze',
    'security',
    '--offline=yes',
    '--no-pager',
    `--threshold=${MOST_EXPOSURE}`,
    UNIT,
  )
  assert.equal(status, 0, stdout.split('\n').at(-2))
})

test('systemd understands every line of the unit', async t => {
  if (!(await requirePackages(t, ['systemd-analyze']))) return
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-unit-'))
  try {
    const unit = join(dir, 'freenet6.service')
    const text = readFileSync(UNIT, 'utf8')
    writeFileSync(unit, text.replaceAll('/opt/freenet6/node_modules/.bin/node', process.execPath))
    const { status, stderr } = run('systemd-analyze', 'verify', '--man=no', unit)
    assert.deepEqual([status, stderr.split('\n').filter(line => line.includes('freenet6'))], [0, []])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('systemd understands every line of the socket unit, and it has each address for UDP and TCP', async t => {
  const text = readFileSync(join(SYSTEMD, 'freenet6.socket'), 'utf8')
  const of = (key: string) => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value)
  for (const address of of('ListenDatagram')) assert.ok(of('ListenStream').includes(address), address)
  if (!(await requirePackages(t, ['systemd-analyze']))) return
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-unit-'))
  try {
    writeFileSync(join(dir, 'freenet6.socket'), text)
    const service = readFileSync(UNIT, 'utf8')
    writeFileSync(
      join(dir, 'freenet6.service'),
      service.replaceAll('/opt/freenet6/node_modules/.bin/node', process.execPath),
    )
    const { status, stderr } = run('systemd-analyze', 'verify', '--man=no', join(dir, 'freenet6.socket'))
    assert.deepEqual([status, stderr.split('\n').filter(line => line.includes('freenet6'))], [0, []])
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('what the unit starts is in the repository, and gives what the program needs', () => {
  const text = readFileSync(UNIT, 'utf8')
  assert.ok(existsSync(join(ROOT, 'src', 'cli.ts')))
  const [, capabilities = ''] = /^AmbientCapabilities=(.*)$/m.exec(text) ?? []
  assert.deepEqual(capabilities.split(' '), ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'])
})

test('systemd goes on starting the service, however often a start has failed: what hinders it may pass', () => {
  const [head = ''] = readFileSync(UNIT, 'utf8').split('[Service]')
  assert.match(head, /^StartLimitIntervalSec=0$/m) // else five starts in ten seconds are the last
  assert.match(readFileSync(UNIT, 'utf8'), /^Restart=always$/m)
})

test('the user, the modules and the settings are files that systemd’s tools take', async t => {
  if (!(await requirePackages(t, ['systemd-analyze', 'sysctl']))) return
  const root = mkdtempSync(join(tmpdir(), 'freenet6-root-'))
  try {
    const users = run(
      'systemd-sysusers',
      '--dry-run',
      `--root=${root}`,
      join(SYSTEMD, 'freenet6.sysusers.conf'),
    )
    assert.match(users.stdout + users.stderr, /freenet6/)
    assert.equal(users.status, 0, users.stderr)
  } finally {
    rmSync(root, { recursive: true })
  }
  const settings = readFileSync(join(SYSTEMD, 'freenet6.sysctl.conf'), 'utf8')
  for (const [, key = ''] of settings.matchAll(/^([a-z0-9_.]+) = \d+$/gm))
    assert.ok(existsSync(`/proc/sys/${key.replaceAll('.', '/')}`), key)
  const dry = run('sysctl', '--dry-run', `--load=${join(SYSTEMD, 'freenet6.sysctl.conf')}`)
  assert.deepEqual([dry.status, dry.stderr], [0, ''])
})
