type Table = Readonly<Record<string, unknown>>

/** The keys, as they stand in a file (`dns.rate_limit.slip`), whose values differ. A list is one value. */
export function changedKeys(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isTable(before) || !isTable(after)) return [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap(key => changedKeys(before[key], after[key], path === '' ? key : `${path}.${key}`))
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
