import { z } from 'zod'

/** What stands in an unknown key of such a name may be a secret. */
const SECRET_NAME = /secret|pass|token|key|auth|cred/i

/**
 * Writes what is wrong with the values of a file, one line a mistake: key, value, what is allowed. `schema` is the
 * whole file's, to find names that resemble an unknown key, and how a value is written.
 */
export function mistakeLines(issue: z.core.$ZodIssue, schema: z.ZodType): string[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(name => unknownKey(issue.path, { name, value: valueAt(issue.input, name), schema }))
  const allowed = allowedBy(issue, schema)
  const value = holdsSecret(typeAt(issue.path, schema)) ? hidden(issue.input) : valueText(issue.input)
  return [`${keyText(issue.path)} = ${value}: ${allowed}`]
}

/** Shows control characters as TOML would write them: a key or a value in quotes may hold what a terminal obeys. */
export function printable(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function allowedBy(issue: z.core.$ZodIssue, schema: z.ZodType): string {
  if (issue.code === 'invalid_value')
    return `one of ${issue.values.map(value => JSON.stringify(value)).join(', ')}`
  if (issue.code === 'invalid_type' && /^Invalid input/.test(issue.message))
    return `expected ${TOML_WORDS[issue.expected] ?? issue.expected}${rightForm(issue.path, schema)}`
  return `expected ${issue.message}`
}

const TOML_WORDS: Readonly<Record<string, string>> = {
  object: 'a table',
  array: 'an array',
  string: 'a string in quotes',
  boolean: 'true or false',
}

/** How the key is written in a file, if an example is known. */
function rightForm(path: readonly PropertyKey[], schema: z.ZodType): string {
  const keys = path.filter(part => typeof part === 'string')
  const type = typeAt(path, schema)
  const written = exampleOf(type)
  if (written !== undefined) return `, such as ${keys.at(-1)} = ${written}`
  const element = arrayIn(type)?.element
  if (element !== undefined && shapeOf(element) !== undefined) return `: write [[${keys.join('.')}]]`
  return shapeOf(type) === undefined ? '' : `: write [${keys.join('.')}]`
}

function exampleOf(type: unknown): string | undefined {
  if (!(type instanceof z.ZodType)) return undefined
  const { example } = type.meta() ?? {}
  if (typeof example === 'string') return example
  const array = arrayIn(type)
  if (array === undefined) return isWrapped(type) ? exampleOf(type.unwrap()) : undefined
  const element = exampleOf(array.element)
  return element && `[${element}]`
}

function arrayIn(type: unknown): z.ZodArray | undefined {
  if (type instanceof z.ZodArray) return type
  return isWrapped(type) ? arrayIn(type.unwrap()) : undefined
}

function unknownKey(
  path: readonly PropertyKey[],
  { name, value, schema }: { readonly name: string; readonly value: unknown; readonly schema: z.ZodType },
): string {
  const shape = shapeOf(typeAt(path, schema)) ?? {}
  const known = Object.keys(shape)
  const shown = mayBeSecret(name, value, { shape, schema }) ? hidden(value) : valueText(value)
  const line = `${keyText([...path, name])} = ${shown}: there is no such key`
  const nearest = nearestTo(name, known)
  if (nearest !== undefined) return `${line}; did you mean ${nearest}?`
  const [home] = homesOf(name, schema)
  if (home !== undefined) return `${line}: ${name} stands ${home === '' ? 'at the top' : `in [${home}]`}`
  return `${line}; known here: ${known.join(', ')}`
}

/** The key that the unknown one most resembles, if one is near enough. */
function nearestTo(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map(key => ({ key, distance: editDistance(key, name.toLowerCase()) }))
  const nearest = ranked.sort((a, b) => a.distance - b.distance)[0]
  if (nearest === undefined || nearest.distance > 2 || nearest.distance >= name.length / 2) return undefined
  return nearest.key
}

/** Whether an unknown key is a secret's misspelt one, or in its table; a table may hold anything. */
function mayBeSecret(
  name: string,
  value: unknown,
  { shape, schema }: { readonly shape: Readonly<Record<string, unknown>>; readonly schema: z.ZodType },
): boolean {
  if (typeof value === 'object' || Object.values(shape).some(isSecret)) return true
  if (SECRET_NAME.test(name)) return true
  const secret = secretKeys(schema)
  return secret.includes(name) || nearestTo(name, secret) !== undefined
}

/** The keys of all secrets of the file. */
function secretKeys(type: unknown): string[] {
  return Object.entries(shapeOf(type) ?? {}).flatMap(([key, inner]) => [
    ...(isSecret(inner) ? [key] : []),
    ...secretKeys(inner),
  ])
}

function isSecret(type: unknown): boolean {
  return shapeOf(type) === undefined && holdsSecret(type)
}

function valueAt(table: unknown, name: string): unknown {
  return typeof table === 'object' && table !== null
    ? Object.getOwnPropertyDescriptor(table, name)?.value
    : undefined
}

/** The tables that have a key of this name, from the top down; the top is an empty name. */
function homesOf(name: string, type: unknown, table = ''): string[] {
  const shape = shapeOf(type) ?? {}
  const here = Object.hasOwn(shape, name) ? [table] : []
  const below = Object.entries(shape).flatMap(([key, inner]) =>
    homesOf(name, inner, table === '' ? key : `${table}.${key}`),
  )
  return [...here, ...below]
}

/** What the schema has at a path; the tables of an array are one. */
function typeAt(path: readonly PropertyKey[], schema: z.ZodType): unknown {
  return path.filter(part => typeof part === 'string').reduce<unknown>(innerShape, schema)
}

/** Whether values of the type are secrets, or hold some: then they stand in no log and no mail to whoever helps. */
function holdsSecret(type: unknown): boolean {
  if (!(type instanceof z.ZodType)) return false
  if (type.meta()?.isSecret === true) return true
  if (isWrapped(type)) return holdsSecret(type.unwrap())
  return Object.values(shapeOf(type) ?? {}).some(holdsSecret)
}

function innerShape(table: unknown, part: PropertyKey): unknown {
  const shape = shapeOf(table) ?? {}
  return Object.hasOwn(shape, part) ? shape[String(part)] : undefined
}

/** The keys of a table of the schema, or of the tables of an array, with their types; undefined: it is neither. */
export function shapeOf(type: unknown): Readonly<Record<string, unknown>> | undefined {
  if (type instanceof z.ZodObject) return type.shape
  if (type instanceof z.ZodArray) return shapeOf(type.element)
  return isWrapped(type) ? shapeOf(type.unwrap()) : undefined
}

function isWrapped(type: unknown): type is z.ZodPrefault | z.ZodDefault | z.ZodOptional {
  return type instanceof z.ZodPrefault || type instanceof z.ZodDefault || type instanceof z.ZodOptional
}

function keyText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('')
}

function hidden(value: unknown): string {
  return value === undefined || value === '' ? valueText(value) : NOT_SHOWN
}

/** In place of a secret. */
export const NOT_SHOWN = '(not shown)'

/** User and password of a URL. */
const CREDENTIALS = /(?<=:\/\/).*(?=@)/

function valueText(value: unknown): string {
  if (value === undefined) return '(absent)'
  const json = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? Number(v) : v)) ?? String(value)
  const text = json.replace(CREDENTIALS, NOT_SHOWN)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** Levenshtein's distance of two short words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      next.push(
        Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)),
      )
    }
    row = next
  }
  return row[b.length] ?? 0
}
