import { shapeOf } from './mistakes.ts'
import { schema } from './schema.ts'

type Table = Readonly<Record<string, unknown>>

/** The keys, as they stand in a file (`dns.rate_limit.slip`), whose values differ. A list is one value. */
export function changedKeys(before: object, after: object): string[] {
  return changedBelow(schema, { before, after, path: '' })
}

/** `type` is what the schema has at `path`: whatever a value is read into, it has no keys of its own. */
function changedBelow(
  type: unknown,
  { before, after, path }: { readonly before: unknown; readonly after: unknown; readonly path: string },
): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const shape = shapeOf(type)
  if (shape === undefined || !isTable(before) || !isTable(after)) return [path]
  return Object.keys({ ...before, ...after }).flatMap(key =>
    changedBelow(shape[key], {
      before: before[key],
      after: after[key],
      path: path === '' ? key : `${path}.${key}`,
    }),
  )
}

/** The configuration with one key's value from another one. */
export function withKey<T extends object>(config: T, path: string, other: T): T {
  return replaced(config, path.split('.'), other) as T
}

function replaced(value: unknown, [key, ...rest]: readonly string[], other: unknown): unknown {
  if (key === undefined || !isTable(value) || !isTable(other)) return other
  return { ...value, [key]: replaced(value[key], rest, other[key]) }
}

function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}
