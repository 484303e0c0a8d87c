import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'smol-toml'
import { runQuietly } from './narrator.ts'

const PROJECT_DIR = join(import.meta.dirname, '../..')
const DIRECTORY = '/run/lab' // in the guest's memory
export const CONFIG_FILE = join(DIRECTORY, 'freenet6.toml')
const READY_TIMEOUT_MS = 180_000
/** Most looks start a program, of which a guest has few a second. */
const LOOK_EVERY_MS = 1000
const STOP_TIMEOUT_MS = 60_000 // a guest is slow; elsewhere a stop is held to the five seconds of the contract

export const SERVER_IPV4 = '192.0.2.1'
export const INTERNET_IPV6 = '2001:db8:ffff::80'
export const WEB = `http://${SERVER_IPV4}:8080`
export const ORIGIN = 'freenet6.net'
export const DEVICE_PREFIX = 'fn6-'

/** What a chapter of the story needs otherwise than the rest. */
export interface Settings {
  readonly layout: 'shared' | 'per-tunnel'
  readonly reachability: 'require' | 'off'
  readonly monitorInterval: string
  readonly threshold: number
  /** All kinds unless given. */
  readonly kinds?: readonly string[]
  /** None unless given. */
  readonly routedPrefix?: string
  /** Of each routed prefix; that of the configuration unless given. */
  readonly routedLength?: number
}

/** One row of the table, as sqlite3 prints it. */
export interface Row {
  readonly id: string
  readonly IPv4client: string
  readonly IPv6client: string
  readonly device: string
  readonly nicname: string
  readonly country: string
  readonly unreachable: number
}

/** The real program, served from the broker's namespace. */
export class LabBroker {
  readonly readyLine: string
  readonly command: string
  readonly #child: ChildProcess
  readonly #output: () => string

  private constructor(child: ChildProcess, readyLine: string, output: () => string) {
    this.#child = child
    this.readyLine = readyLine
    this.command = SERVE.join(' ')
    this.#output = output
  }

  /** Starts `serve` and waits for its ready line. */
  static async start(settings: Settings): Promise<LabBroker> {
    mkdirSync(DIRECTORY, { recursive: true })
    writeFileSync(CONFIG_FILE, configText(settings))
    const child = spawn('ip', ['netns', 'exec', 'broker', ...SERVE], { cwd: PROJECT_DIR, stdio: 'pipe' })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        output += text
      })
    }
    const line = await until('the ready line', READY_TIMEOUT_MS, () => {
      if (child.exitCode !== null) throw new Error(`the broker ended with ${child.exitCode}`)
      return /^ready .*$/m.exec(output)?.[0]
    }).catch(error => {
      child.kill('SIGKILL')
      throw new Error(`${error.message}\n${output}`)
    })
    return new LabBroker(child, line, () => output)
  }

  /** Log and standard output so far. */
  get output(): string {
    return this.#output()
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** kill -9, as a crash or a power cut would. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  /** SIGTERM; returns the exit code, or rejects where it does not come. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await until('the end of the broker', STOP_TIMEOUT_MS, () => this.#child.exitCode ?? undefined)
    return this.#child.exitCode
  }
}

/** The rows of the broker's table, read by another program. */
export function readRows(): Row[] {
  const sql =
    'SELECT id, IPv4client, IPv6client, device, nicname, country, unreachable FROM tunnels ORDER BY id'
  const { stdout, stderr, status } = runQuietly('broker', [
    'sqlite3',
    '-readonly',
    '-json',
    DATABASE_FILE,
    sql,
  ])
  if (status !== 0) throw new Error(`sqlite3: ${stderr}`)
  return stdout.trim() === '' ? [] : JSON.parse(stdout)
}

/** Waits until `look` finds something; rejects after `timeout` milliseconds. */
export async function until<T>(what: string, timeout: number, look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + timeout
  while (performance.now() < deadline) {
    const found = look()
    if (found !== undefined) return found
    await sleep(LOOK_EVERY_MS)
  }
  throw new Error(`waited ${timeout / 1000} s in vain for ${what}`)
}

const SERVE = [process.execPath, 'src/cli.ts', 'serve', '--config', CONFIG_FILE]
const DATABASE_FILE = join(DIRECTORY, 'data/freenet6.db')

function configText({
  layout,
  reachability,
  monitorInterval,
  threshold,
  kinds,
  routedPrefix = '',
  routedLength,
}: Settings): string {
  return stringify({
    origin: ORIGIN,
    data_dir: join(DIRECTORY, 'data'),
    zones_dir: join(PROJECT_DIR, 'zones'),
    dns: { listen: [`${SERVER_IPV4}:53`] },
    web: { listen: `${SERVER_IPV4}:8080`, public_url: WEB, registrations_per_hour: 0 },
    tunnel: {
      driver: 'sit',
      ...(kinds === undefined ? {} : { kinds }),
      layout,
      server_ipv4: SERVER_IPV4,
      prefix: '2001:db8:f6::/48',
      routed_prefix: routedPrefix,
      ...(routedLength === undefined ? {} : { routed_length: routedLength }),
      device_prefix: DEVICE_PREFIX,
      reachability,
      foreign_endpoints: true,
      allow_special_purpose: true, // 192.0.2.0/24 plays the public IPv4 network
    },
    monitor: { interval: monitorInterval, timeout: '500ms', threshold, first_answer: '40s' },
  })
}
