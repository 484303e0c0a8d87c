import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { z } from 'zod'
import { formatIpv4, parseIpv4 } from '../address/ipv4.ts'
import { parsePrefix } from '../address/prefix.ts'
import { TSIG_ALGORITHMS } from '../engine/tsig-key.ts'
import { parseEndpoint } from '../shared/endpoint.ts'
import { formatName, lowerCaseName, parseName } from '../wire/name.ts'

const PACKAGE_ROOT = join(import.meta.dirname, '..', '..')
const DEFAULT_FILE = 'freenet6.toml'

/** Values of `freenet6.toml`, read and checked; the keys are the file's own. Durations are in milliseconds. */
export type Config = z.output<typeof schema> & {
  /** True where no file was given or found: the built-in demo values are in force. */
  readonly demo: boolean
  /** Where the values come from, for the log. */
  readonly source: string
}

/** A reading of the configuration: the values, or one line a mistake (key, value, what is allowed). */
export type ConfigReading =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] }

const MIN_TTL = 0
const MAX_TTL = 2 ** 31 - 1 // RFC 2181 8
const SMALLEST_IPV6_MTU = 1280 // RFC 8200 5
const LARGEST_SIT_MTU = 65_515

const endpoint = z.string().transform((text, context) => {
  const value = parseEndpoint(text)
  if (value !== undefined) return value
  return refuse(context, 'address:port, an IPv6 address in brackets, such as 127.0.0.1:5300 or [::1]:5300')
})

const prefix = z.string().transform((text, context) => {
  const value = parsePrefix(text)
  return (
    value ??
    refuse(context, 'an address or a prefix without host bits, such as 192.0.2.0/24 or 2001:db8::/32')
  )
})

const transferPeer = z.string().transform((text, context) => {
  if (/^key:.+/.test(text)) return text
  return parsePrefix(text) ?? refuse(context, 'an address, a prefix without host bits, or "key:NAME"')
})

const tunnelPrefix = z.string().transform((text, context) => {
  const value = parsePrefix(text)
  if (value === undefined || value.octets.length !== 16) {
    return refuse(context, 'an IPv6 prefix without host bits, such as 2001:db8:f6::/48')
  }
  const { length } = value
  if (length < 32 || length > 60) return refuse(context, 'a prefix from /32 to /60')
  if (length % 4 === 0) return value
  const shorter = length - (length % 4)
  return refuse(context, `a prefix that ends on a nibble: the nearest are /${shorter} and /${shorter + 4}`)
})

const ipv4 = z.string().transform((text, context) => {
  const value = parseIpv4(text)
  return value === undefined ? refuse(context, 'a dotted quad, such as 192.0.2.1') : formatIpv4(value)
})

const domainName = z.string().transform((text, context) => {
  const name = text.toLowerCase().replace(/\.$/, '')
  const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
  if (name.length <= 180 && name.split('.').every(part => label.test(part))) return name
  return refuse(
    context,
    'a domain name of letters, digits and hyphens, at most 180 characters, such as freenet6.net',
  )
})

const duration = z.string().transform((text, context) => {
  const found = /^([0-9]{1,7})(ms|s|m|h)$/.exec(text)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[found?.[2] ?? '']
  const value = Number(found?.[1]) * (unit ?? Number.NaN)
  if (value >= 10 && value <= 86_400_000) return value
  return refuse(context, 'a duration from 10ms to 24h, such as 500ms, 60s or 5m')
})

const publicUrl = z.string().transform((text, context) => {
  if (text === '') return ''
  const value = URL.parse(text)
  // The pages link from the root: under a path none of their links would work.
  if (value !== null && /^https?:$/.test(value.protocol) && value.href === `${value.origin}/`) {
    return value.origin
  }
  return refuse(context, 'an http or https URL without path or query, such as https://broker.example.net')
})

/** The name in canonical form: lower case, wire labels. */
const keyName = z.string().transform((text, context) => {
  const name = parseName(text)
  return name === undefined ? refuse(context, 'a domain name, such as k1.') : lowerCaseName(name)
})

const secret = z
  .base64({ error: 'base64' })
  .min(1, { error: 'base64' })
  .transform(text => Uint8Array.from(Buffer.from(text, 'base64')))

const tsigAlgorithms = Object.keys(TSIG_ALGORITHMS) as (keyof typeof TSIG_ALGORITHMS)[]

const integer = (low: number, high: number) => {
  const allowed = { error: `a whole number from ${low} to ${high}` }
  return z.int(allowed).min(low, allowed).max(high, allowed)
}

const dns = z.strictObject({
  listen: z
    .array(endpoint)
    .min(1, { error: 'at least one address:port' })
    .prefault(['127.0.0.1:5300', '[::1]:5300']),
  ttl: integer(MIN_TTL, MAX_TTL).default(60),
  threads: integer(1, 64).default(1),
  nsid: z.string().max(128, { error: 'at most 128 characters' }).default(''),
  allow_transfer: z.array(transferPeer).default([]),
  keys: z.array(z.strictObject({ name: keyName, algorithm: z.enum(tsigAlgorithms), secret })).default([]),
  secondaries: z.array(z.strictObject({ address: endpoint, key: z.string().optional() })).default([]),
  rate_limit: z
    .strictObject({ responses_per_second: integer(0, 1_000_000).default(0), slip: integer(0, 10).default(2) })
    .prefault({}),
})

const web = z.strictObject({
  listen: endpoint.prefault('127.0.0.1:8080'),
  /** Empty: the address that the web listens on. */
  public_url: publicUrl.default(''),
  trusted_proxies: z.array(prefix).default([]),
  registrations_per_hour: integer(0, 1_000_000).default(10),
})

const tunnel = z.strictObject({
  prefix: tunnelPrefix.prefault('2001:db8:f6::/48'),
  server_ipv4: ipv4.prefault('192.0.2.1'),
  driver: z.enum(['auto', 'sit', 'dry-run']).default('auto'),
  layout: z.enum(['shared', 'per-tunnel']).default('shared'),
  device_prefix: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,6}$/, { error: 'a letter and up to six letters, digits, - or _' })
    .default('fn6-'),
  mtu: integer(SMALLEST_IPV6_MTU, LARGEST_SIT_MTU).default(1480),
  reachability: z.enum(['require', 'warn', 'off']).default('require'),
  foreign_endpoints: z.boolean().default(false),
  allow_special_purpose: z.boolean().default(false),
  max_tunnels: integer(1, 10_000_000).default(65_000),
})

const monitor = z.strictObject({
  interval: duration.prefault('60s'),
  timeout: duration.prefault('3s'),
  threshold: integer(1, 1_000_000).default(5),
  prober: z.enum(['auto', 'ping', 'fping']).default('auto'),
})

const control = z.strictObject({ socket: z.string().default('') })

const schema = z.strictObject({
  origin: domainName.prefault('freenet6.net'),
  data_dir: z.string().min(1, { error: 'a directory' }).default('data'),
  zones_dir: z.string().min(1, { error: 'a directory' }).default('zones'),
  dns: dns.prefault({}),
  web: web.prefault({}),
  tunnel: tunnel.prefault({}),
  monitor: monitor.prefault({}),
  control: control.prefault({}),
})

/** What the built-in demo has otherwise than the defaults: a visitor on loopback can try everything. */
const DEMO = {
  web: { registrations_per_hour: 0 },
  tunnel: { allow_special_purpose: true, foreign_endpoints: true, reachability: 'off' },
}

/**
 * Reads the configuration: `file` where given, else freenet6.toml in the working directory, else the demo values.
 * Relative paths in a file are relative to that file's directory.
 */
export function readConfig(file?: string): ConfigReading {
  const path = file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  if (path === undefined)
    return check(DEMO, { demo: true, source: 'built-in demo values', directory: process.cwd() })
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return mistaken([`${path}: can't be read: ${error instanceof Error ? error.message : error}`])
  }
  return parseConfig(text, path)
}

/** Reads the text of a configuration file; `path` names it in mistakes and anchors its relative paths. */
export function parseConfig(text: string, path: string): ConfigReading {
  try {
    return check(parseToml(text), { demo: false, source: path, directory: dirname(resolve(path)) })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const what = error.message.split('\n')[0]
    return mistaken([`${path}:${error.line}:${error.column}: ${what}`])
  }
}

interface Origin {
  readonly demo: boolean
  readonly source: string
  readonly directory: string
}

function check(values: unknown, { demo, source, directory }: Origin): ConfigReading {
  const reading = schema.safeParse(values, { reportInput: true })
  if (!reading.success) return mistaken(reading.error.issues.flatMap(issue => describe(issue)))
  const config = { ...reading.data, demo, source }
  config.data_dir = resolve(directory, config.data_dir)
  config.zones_dir = zonesDirectory(resolve(directory, config.zones_dir), values)
  config.control.socket = resolve(directory, config.control.socket || join(config.data_dir, 'control.sock'))
  const mistakes = contradictions(config)
  return mistakes.length > 0 ? mistaken(mistakes) : { kind: 'config', config }
}

/** A key or a value in quotes may hold a line end, or what a terminal obeys: it is shown as TOML would write it. */
function mistaken(lines: readonly string[]): ConfigReading {
  return { kind: 'mistakes', mistakes: lines.map(line => line.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, escaped)) }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Where the file names no zones and has none beside it, the zones that come with the program are served. */
function zonesDirectory(wanted: string, values: unknown): string {
  const named = typeof values === 'object' && values !== null && 'zones_dir' in values
  return named || existsSync(wanted) ? wanted : join(PACKAGE_ROOT, 'zones')
}

/** Mistakes that no key has alone. */
function contradictions(config: z.output<typeof schema>): string[] {
  const mistakes: string[] = []
  const names = new Set<string>()
  for (const name of config.dns.keys.map(key => formatName(key.name))) {
    if (names.has(name)) mistakes.push(`dns.keys.name = "${name}": another dns.keys entry has this name`)
    names.add(name)
  }
  const known = (text: string) => {
    const name = parseName(text)
    return name !== undefined && names.has(formatName(lowerCaseName(name)))
  }
  for (const { key } of config.dns.secondaries) {
    if (key !== undefined && !known(key))
      mistakes.push(`dns.secondaries.key = "${key}": no dns.keys entry has this name`)
  }
  for (const entry of config.dns.allow_transfer) {
    if (typeof entry === 'string' && !known(entry.slice(4))) {
      mistakes.push(`dns.allow_transfer = "${entry}": no dns.keys entry has this name`)
    }
  }
  return mistakes
}

function refuse(context: z.RefinementCtx, allowed: string): never {
  context.addIssue({ code: 'custom', message: allowed, input: context.value })
  return z.NEVER
}

function describe(issue: z.core.$ZodIssue): string[] {
  const key = keyText(issue.path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      name => `${keyText([...issue.path, name])}: there is no such key${suggestion(issue.path, name)}`,
    )
  }
  return [`${key} = ${valueText(issue.input)}: ${allowedBy(issue)}`]
}

function allowedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value')
    return `one of ${issue.values.map(value => JSON.stringify(value)).join(', ')}`
  if (issue.code === 'invalid_type' && /^Invalid input/.test(issue.message))
    return `expected ${TOML_WORDS[issue.expected] ?? issue.expected}`
  return `expected ${issue.message}`
}

const TOML_WORDS: Readonly<Record<string, string>> = {
  object: 'a table',
  array: 'an array',
  string: 'a string in quotes',
  boolean: 'true or false',
}

function keyText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('')
}

function valueText(value: unknown): string {
  if (value === undefined) return '(absent)'
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? Number(v) : v)) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** The key of the same table that the unknown one most resembles, where one is near enough. */
function suggestion(path: readonly PropertyKey[], name: string): string {
  const table = path.filter(part => typeof part === 'string').reduce<unknown>(innerShape, schema)
  const candidates = Object.keys(shapeOf(table) ?? {})
  const ranked = candidates.map(key => ({ key, distance: editDistance(key, name.toLowerCase()) }))
  const nearest = ranked.sort((a, b) => a.distance - b.distance)[0]
  if (nearest === undefined || nearest.distance > Math.max(2, name.length / 3))
    return `; known here: ${candidates.join(', ')}`
  return `; did you mean ${nearest.key}?`
}

function innerShape(table: unknown, part: PropertyKey): unknown {
  return shapeOf(table)?.[String(part)]
}

function shapeOf(type: unknown): Readonly<Record<string, unknown>> | undefined {
  if (type instanceof z.ZodObject) return type.shape
  if (type instanceof z.ZodArray) return shapeOf(type.element)
  return type instanceof z.ZodPrefault || type instanceof z.ZodDefault ? shapeOf(type.unwrap()) : undefined
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
