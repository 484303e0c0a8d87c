import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { VERSION } from '../../src/shared/version.ts'
import { configText } from '../spawn.ts'
import { until } from '../until.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const BIN = join(ROOT, 'bin', 'freenet6.js')
/** Makes a Node that says it is an old one; its children are what they are. */
const AS_OLD = [
  '--import',
  `data:text/javascript,${encodeURIComponent("Object.defineProperty(process, 'version', { value: 'v20.20.2' })")}`,
]

let directory: string
let config: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'freenet6-bin-'))
  config = join(directory, 'freenet6.toml')
  writeFileSync(config, configText(''))
})
after(() => rmSync(directory, { recursive: true }))

test('the program runs with the Node that it was started with', () => {
  const { status, stdout } = spawnSync(process.execPath, [BIN, '--version'], { encoding: 'utf8' })
  assert.deepEqual([status, stdout], [0, `freenet6 ${VERSION}\n`])
})

test('an old Node looks for a newer one and hands over words, exit status and signals', async () => {
  const misused = spawnSync(process.execPath, [...AS_OLD, BIN, 'no-such-command'], { encoding: 'utf8' })
  assert.equal(misused.status, 2)
  assert.match(misused.stderr, /there is no command "no-such-command"/)
  const child = spawn(process.execPath, [...AS_OLD, BIN, 'serve', '--config', config])
  const url = await readyUrl(child)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  await assert.rejects(fetch(url))
})

/** A package of nothing but what starts the program, as a clone has it (src) or as the registry does (dist). */
function lonelyPackage(name: string, code: 'src' | 'dist'): string {
  const lonely = join(directory, name, 'node_modules', 'freenet6')
  mkdirSync(join(lonely, code), { recursive: true })
  cpSync(join(ROOT, 'bin'), join(lonely, 'bin'), { recursive: true })
  writeFileSync(join(lonely, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(lonely, code, code === 'src' ? 'cli.ts' : 'cli.js'), "console.log('it runs')")
  return lonely
}

/** What an old Node makes of a package, with no other on the path. */
function startedByOldNode(lonely: string) {
  return spawnSync(process.execPath, [...AS_OLD, join(lonely, 'bin', 'freenet6.js'), 'serve'], {
    encoding: 'utf8',
    env: { PATH: directory },
  })
}

for (const [code, remedy] of [
  ['src', 'run npm ci in PACKAGE, which brings one along'],
  ['dist', 'run npm install node@24 where freenet6 is installed'],
] as const)
  test(`where there is no newer Node the program with ${code} says in one line what it needs`, () => {
    const lonely = lonelyPackage(`without-${code}`, code)
    const { status, stdout, stderr } = startedByOldNode(lonely)
    assert.deepEqual([status, stdout], [2, ''])
    const said = `freenet6: needs Node 24 or later, this is v20.20.2: install it, or ${remedy}\n`
    assert.equal(stderr, said.replace('PACKAGE', lonely))
  })

test('a Node that is installed beside the package is found', () => {
  const lonely = lonelyPackage('beside', 'dist')
  mkdirSync(join(lonely, '..', '.bin'))
  symlinkSync(process.execPath, join(lonely, '..', '.bin', 'node'))
  const { status, stdout, stderr } = startedByOldNode(lonely)
  assert.deepEqual([status, stdout, stderr], [0, 'it runs\n', ''])
})

async function readyUrl(child: ChildProcess): Promise<string> {
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    printed += text
  })
  const found = () => /^ready dns=\S* web=(\S+)$/m.exec(printed)?.[1]
  try {
    await until(
      () => found() !== undefined,
      () => `not ready: ${printed}`,
    )
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return found() ?? assert.fail(printed)
}
