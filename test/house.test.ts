import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { PROBLEMS } from '../src/problem.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')

/** For each room of src, the rooms that it may import from. Files directly in src are named below. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  address: [],
  wire: ['address'],
  zone: ['address', 'wire'],
  nameserver: ['address', 'wire', 'zone'],
  tunnel: ['address', 'wire', 'zone', 'monitor/prober.ts'],
  monitor: ['address', 'tunnel'],
  portal: ['address', 'tunnel', 'monitor'],
}

/** Small shared files that stand beside the rooms, and which rooms may know them. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  'endpoint.ts': ['nameserver', 'portal'],
  'problem.ts': ['tunnel', 'portal'],
  'database.ts': ['tunnel'],
  'log.ts': ['tunnel', 'monitor', 'portal', 'nameserver'],
  'child.ts': ['tunnel', 'monitor'],
}

/** Files at the rim, which put rooms together; no room may import one. */
const RIM_ONLY_DRIVERS: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['database.ts'],
  dns2: ['dns2-client.ts'],
  koffi: ['nameserver/libc.ts'],
  koa: ['portal'],
  ping: ['monitor/ping-prober.ts', 'monitor/ping-child.ts'],
}

interface Import {
  readonly file: string
  readonly target: string
}

function sourceFiles(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), 'utf8')
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm),
  ]
  return specifiers.map(([, from, bare]) => {
    const specifier = from ?? bare ?? ''
    const isOwn = specifier.startsWith('.')
    return { file, target: isOwn ? relative(SOURCE, resolve(SOURCE, dirname(file), specifier)) : specifier }
  })
}

function roomOf(file: string): string | undefined {
  return file.includes('/') ? file.split('/')[0] : undefined
}

test('imports between rooms point one way', () => {
  const wrong: string[] = []
  for (const { file, target } of sourceFiles().flatMap(importsOf)) {
    const room = roomOf(file)
    const allowed = room === undefined ? undefined : MAY_IMPORT[room]
    if (room === undefined || allowed === undefined || !target.endsWith('.ts')) continue
    const other = roomOf(target)
    const isAllowed =
      other === undefined
        ? (SHARED[target]?.includes(room) ?? false)
        : other === room || allowed.includes(other) || allowed.includes(target)
    if (!isAllowed) wrong.push(`${file} imports ${target}`)
  }
  assert.deepEqual(wrong, [])
})

test('address, wire and zone data touch no socket, clock, process or random source', () => {
  const rim = new Set(['zone/zone-file.ts'])
  const wrong = sourceFiles()
    .filter(file => /^(?:address|wire|zone)\//.test(file) && !rim.has(file))
    .filter(
      file =>
        importsOf(file).some(({ target }) => target.startsWith('node:')) ||
        /Date\.now|Math\.random|process\./.test(readFileSync(join(SOURCE, file), 'utf8')),
    )
  assert.deepEqual(wrong, [])
})

for (const [driver, homes] of Object.entries(RIM_ONLY_DRIVERS)) {
  test(`${driver} is named in one place`, () => {
    const users = sourceFiles()
      .flatMap(importsOf)
      .filter(({ target }) => target === driver)
      .map(({ file }) => file)
    assert.deepEqual(
      users.filter(file => !homes.some(home => file === home || file.startsWith(`${home}/`))),
      [],
    )
  })
}

test('docs/errors.md lists every code of the catalogue with its status and title, and no other', () => {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  const listed = [...text.matchAll(/^\| `([a-z0-9-]+)` \| (\d{3}) \| ([^|]+?) \|/gm)].map(
    ([, code, status, title]) => [code, Number(status), title],
  )
  assert.deepEqual(
    listed,
    Object.entries(PROBLEMS).map(([code, { status, title }]) => [code, status, title]),
  )
})
