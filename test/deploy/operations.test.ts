import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { schema } from '../../src/config/schema.ts'
import { runCli } from '../spawn.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const TEXT = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8')
const STEPS = [...TEXT.matchAll(/^## (\d+)\. (.+)$/gm)].map(([, number, title]) => ({
  number: Number(number),
  title,
}))

test('operations are in the order in which one does them', () => {
  assert.deepEqual(
    STEPS.map(({ number }) => number),
    STEPS.map((_, n) => n + 1),
  )
  const titles = STEPS.map(({ title }) => title?.replace(/^The /, '').toLowerCase()).join(', ')
  assert.equal(
    titles,
    'prefix, host, configuration and zones, delegation, secondaries, proxy, watching, backup, upgrade, restore, drill',
  )
})

test('what operations install or speak of in deploy is there', () => {
  const named = [...TEXT.matchAll(/\bdeploy\/[A-Za-z0-9./-]*[A-Za-z0-9]/g)].map(([path]) => path)
  assert.ok(named.length > 8)
  assert.deepEqual(
    named.filter(path => !existsSync(join(ROOT, path))),
    [],
  )
})

test('every command that operations call is one of the program', async () => {
  const { stdout } = await runCli(['--help'])
  const known = new Set([...stdout.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name))
  const inCode = [...TEXT.matchAll(/`freenet6 ([a-z-]+)/g)].map(([, name]) => name)
  const inBlocks = [...TEXT.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
    [...block.matchAll(/(?:^|&& |-- )freenet6 ([a-z-]+)/gm)].map(([, name]) => name),
  )
  assert.ok(inBlocks.length > 4)
  assert.deepEqual(
    [...inCode, ...inBlocks].filter(name => !known.has(name)),
    [],
  )
})

test('every key that the configuration step names is one of the configuration', () => {
  const [, step = ''] = /^## 3\. [\s\S]*?\n([\s\S]*?)^## 4\./m.exec(TEXT) ?? []
  const named = [...step.matchAll(/`((?:[a-z_0-9]+\.)*[a-z_0-9]+)(?: = [^`]*)?`/g)].map(([, key = '']) => key)
  const known = (path: string) => {
    const [table = '', key] = path.split('.')
    const values: Readonly<Record<string, unknown>> = schema.parse({})
    const inner = values[table]
    return key === undefined ? table in values : typeof inner === 'object' && inner !== null && key in inner
  }
  assert.ok(named.includes('dns.listen') && named.includes('tunnel.prefix'))
  assert.deepEqual(
    named.filter(path => !known(path)),
    [],
  )
})
