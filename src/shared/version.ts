import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version in package.json, which stands beside src/ and beside dist/. */
export const VERSION: string = readVersion()

function readVersion(): string {
  const value: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
  )
  return typeof value === 'object' && value !== null && 'version' in value ? String(value.version) : 'unknown'
}
