import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatIpv6 } from '../src/address/ipv6.ts'
import { parsePrefix } from '../src/address/prefix.ts'
import { reverseName } from '../src/address/reverse-name.ts'
import { AddressPool } from '../src/tunnel/address-pool.ts'
import { countryOfTunnel, nicnameOfTunnel } from './filled-tunnel.ts'
import type { Question } from './question.ts'
import { seededRandom } from './seeded-random.ts'

/** A database with tunnels, and the questions about it. */
export interface Table {
  readonly tunnels: number
  readonly directory: string
  /** Data of the server are in `directory`/data. */
  readonly config: string
  /** For dnsperf: one a line. */
  readonly questions: string
  /** How long `fill` took; of a table that is used again, when it was made. */
  readonly fillSeconds: number
}

export const ORIGIN = 'freenet6.net'
const PREFIX = '2001:db8::/32'
const FILL = join(import.meta.dirname, 'fill.ts')
const ZONES = join(import.meta.dirname, '..', 'zones')
const QUESTIONS = 100_000
const SEED = 6
/** 48 % AAAA, 48 % PTR, 4 % names that do not exist. */
const AAAA_SHARE = 0.48
const PTR_SHARE = 0.96

const pool = new AddressPool({ prefix: prefixOf(PREFIX), devicePrefix: 'fn6-' })

/** Makes a table of so many tunnels below `work`, or finds the one made there before. */
export function buildTable(work: string, tunnels: number): Table {
  const directory = join(work, `tunnels-${tunnels}`)
  const config = join(directory, 'freenet6.toml')
  const done = join(directory, 'fill-seconds')
  if (!existsSync(done)) {
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    writeFileSync(config, configText({ port: 0, threads: 1 }))
    const started = performance.now()
    execFileSync(process.execPath, [FILL, '--config', config, '--tunnels', String(tunnels)])
    writeFileSync(join(directory, 'questions'), questionLines(tunnels))
    writeFileSync(done, String((performance.now() - started) / 1000))
  }
  const fillSeconds = Number(readFileSync(done, 'utf8'))
  return { tunnels, directory, config, questions: join(directory, 'questions'), fillSeconds }
}

/** A copy to write in; the table itself stays as it is for others. */
export function scratchCopy(table: Table): Table {
  const directory = `${table.directory}-scratch`
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  cpSync(join(table.directory, 'data'), join(directory, 'data'), { recursive: true })
  execFileSync('sync') // else the first commits wait for the copy
  return { ...table, directory }
}

/** Our configuration over a table. Visitors are not checked, nothing touches the kernel. */
export function configText({
  port,
  threads,
  zones = ZONES,
}: {
  readonly port: number
  readonly threads: number
  readonly zones?: string
}): string {
  return `origin = "${ORIGIN}"
data_dir = "data"
zones_dir = "${zones}"
[dns]
listen = ["127.0.0.1:${port}"]
allow_transfer = ["127.0.0.0/8"]
threads = ${threads}
[web]
listen = "127.0.0.1:0"
registrations_per_hour = 0
[tunnel]
prefix = "${PREFIX}"
driver = "dry-run"
reachability = "off"
foreign_endpoints = true
max_tunnels = 10000000
[monitor]
interval = "24h"
`
}

/** The question for the address of a tunnel of the table, by its number. */
export function aaaaQuestion(index: number): Question {
  return { name: nameOfTunnel(index), type: 'AAAA', answer: formatIpv6(pool.assignment(index).ipv6Client) }
}

/** The question for the name of a tunnel of the table, by its number. */
function ptrQuestion(index: number): Question {
  const address = pool.assignment(index).ipv6Client
  return { name: reverseName(address), type: 'PTR', answer: nameOfTunnel(index) }
}

/** So many questions of the mix, the same for the same number of tunnels. */
export function questionMix(tunnels: number, count: number): readonly Question[] {
  const random = seededRandom(SEED)
  return Array.from({ length: count }, () => {
    const kind = random()
    const index = Math.floor(random() * tunnels)
    if (kind < AAAA_SHARE) return aaaaQuestion(index)
    return kind < PTR_SHARE ? ptrQuestion(index) : { name: `no${nameOfTunnel(index)}`, type: 'AAAA' }
  })
}

function questionLines(tunnels: number): string {
  const lines = questionMix(tunnels, QUESTIONS).map(({ name, type }) => `${name} ${type}`)
  return `${lines.join('\n')}\n`
}

function nameOfTunnel(index: number): string {
  return `${nicnameOfTunnel(index)}.${countryOfTunnel(index)}.${ORIGIN}`
}

function prefixOf(text: string) {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new RangeError(`${text} is not a prefix`)
  return prefix
}
