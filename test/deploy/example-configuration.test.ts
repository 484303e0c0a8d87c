import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { z } from 'zod'
import { parseConfig } from '../../src/config/config.ts'
import { schema } from '../../src/config/schema.ts'
import { runCli } from '../spawn.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const EXAMPLE = readFileSync(join(ROOT, 'deploy', 'freenet6.example.toml'), 'utf8')
/** The example with the tables that stand in it as comments. */
const WHOLE = EXAMPLE.replace(/^#(?=\[|\w+ = )|^#$/gm, '')

/** The keys of a schema, from the top down, with those of tables that may come more than once. */
function keysOf(type: unknown, path = ''): string[] {
  if (type instanceof z.ZodPrefault || type instanceof z.ZodDefault || type instanceof z.ZodOptional)
    return keysOf(type.unwrap(), path)
  if (type instanceof z.ZodArray)
    return type.element instanceof z.ZodObject ? keysOf(type.element, path) : [path]
  if (!(type instanceof z.ZodObject)) return [path]
  return Object.entries(type.shape).flatMap(([key, inner]) =>
    keysOf(inner, path === '' ? key : `${path}.${key}`),
  )
}

function keysIn(value: unknown, path = ''): string[] {
  if (Array.isArray(value) && value.some(isTable)) return value.flatMap(element => keysIn(element, path))
  if (!isTable(value)) return [path]
  return Object.entries(value).flatMap(([key, inner]) => keysIn(inner, path === '' ? key : `${path}.${key}`))
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

test('the example has every key of the configuration, and no other', () => {
  assert.deepEqual(keysIn(parse(WHOLE)).sort(), keysOf(schema).sort())
})

test('the example has the defaults', () => {
  assert.deepEqual(schema.parse(parse(EXAMPLE)), schema.parse({}))
})

test('the tables that stand in the example as comments are right as they are', () => {
  const reading = parseConfig(WHOLE, join(ROOT, 'freenet6.toml'))
  assert.equal(reading.kind, 'config', JSON.stringify(reading))
})

test('check-config has nothing against the example but that its addresses are for documentation, and that nothing was served yet', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'freenet6-example-'))
  try {
    cpSync(join(ROOT, 'zones'), join(dir, 'zones'), { recursive: true })
    writeFileSync(join(dir, 'freenet6.toml'), EXAMPLE)
    const { code, stdout } = await runCli(['check-config', '--config', join(dir, 'freenet6.toml'), '--json'])
    assert.equal(code, 0, stdout)
    const { warnings } = JSON.parse(stdout)
    assert.equal(warnings.length, 3)
    assert.match(warnings.pop(), /there is no database yet/)
    for (const warning of warnings) assert.match(warning, /is set aside for documentation/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
