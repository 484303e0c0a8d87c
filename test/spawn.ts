import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify, type TomlTable } from 'smol-toml'
import { type Endpoint, parseEndpoint } from '../src/shared/endpoint.ts'

export { ask } from './ask.ts'

const CLI = join(import.meta.dirname, '..', 'src', 'cli.ts')
/** The zones that come with the program. */
const ZONES = join(import.meta.dirname, '..', 'zones')
const READY_LINE = /^ready dns=(\S*) web=(\S+)\n/m
/** A start takes a second or two; on a machine that is busy with guests of the lab it was seen to take fifteen. */
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000 // the contract: exit 0 on SIGTERM within 5 s

export interface ServerOptions {
  /** TOML text; what it leaves out listens on port 0 of loopback and touches no interface. */
  readonly config?: string
  /** A directory to run in, kept afterwards; else one of its own, removed afterwards. */
  readonly dir?: string
  /** Arguments after `serve --config FILE`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A descriptor that takes its log; else what it says is kept. */
  readonly stderr?: number
  /** Where the program lies, if it is another than this one. */
  readonly program?: string
  /** The Node that runs it, if it is another than this one. */
  readonly node?: string
  /** Milliseconds that it may take until it is ready, 15,000 unless given. */
  readonly patience?: number
}

/** How a command ended. */
export interface Ending {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `serve` process of ours. `await using` it: leaving the block ends it. */
export class Server {
  readonly dns: readonly Endpoint[]
  /** URL of the portal, without a final slash. */
  readonly web: string
  readonly dir: string
  readonly pid: number
  readonly #program: Program
  readonly #isDirOurs: boolean

  constructor(
    program: Program,
    ready: RegExpExecArray,
    { dir, isDirOurs }: { dir: string; isDirOurs: boolean },
  ) {
    this.dns = (ready[1] ?? '').split(',').filter(Boolean).map(endpointFrom)
    this.web = (ready[2] ?? '').replace(/\/$/, '')
    this.dir = dir
    this.pid = program.pid
    this.#program = program
    this.#isDirOurs = isDirOurs
  }

  get stdout(): string {
    return this.#program.stdout
  }

  get stderr(): string {
    return this.#program.stderr
  }

  /** Null while it runs, and where a signal ended it. */
  get exitCode(): number | null {
    return this.#program.exitCode
  }

  /** The listen address of a family; fails where it has none. */
  endpoint(family: 4 | 6 = 4): Endpoint {
    const found = this.dns.find(({ address }) => address.includes(':') === (family === 6))
    if (found === undefined) throw new Error(`the server has no IPv${family} listener`)
    return found
  }

  /** Sends SIGTERM and returns the exit code; fails where it takes more than the 5 s of the contract. */
  async stop(): Promise<number | null> {
    const { code } = await this.#program.end('SIGTERM', STOP_TIMEOUT_MS)
    return code
  }

  /** kill -9, as a crash would. Resolves when the process is gone; its directory stays until the block is left. */
  async kill(): Promise<void> {
    await this.#program.end('SIGKILL', STOP_TIMEOUT_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    if (this.#isDirOurs) rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Starts `serve` and waits until it is ready. Rejects with its output where it ends first or takes too long. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'freenet6-'))
  const isDirOurs = options.dir === undefined
  const file = join(dir, 'freenet6.toml')
  const own = existsSync(join(dir, 'zones')) ? { zones_dir: join(dir, 'zones') } : {}
  writeFileSync(file, configText(stringify({ ...own, ...parse(options.config ?? '') })))
  const program = new Program(['serve', '--config', file, ...(options.args ?? [])], {
    dir,
    env: options.env ?? {},
    ...(options.stderr !== undefined && { stderr: options.stderr }),
    ...(options.program !== undefined && { cli: join(options.program, 'src', 'cli.ts') }),
    ...(options.node !== undefined && { node: options.node }),
  })
  try {
    return new Server(program, await program.printed(READY_LINE, options.patience ?? READY_TIMEOUT_MS), {
      dir,
      isDirOurs,
    })
  } catch (error) {
    await program.end('SIGKILL', STOP_TIMEOUT_MS)
    if (isDirOurs) rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

/**
 * Runs any command of the program to its end; kills it and rejects after `timeout` milliseconds. A descriptor `stderr`
 * takes what it says there; else it is in the ending.
 */
export async function runCli(
  args: readonly string[],
  {
    dir = tmpdir(),
    env = {},
    timeout = READY_TIMEOUT_MS,
    stderr,
  }: { dir?: string; env?: Record<string, string>; timeout?: number; stderr?: number } = {},
): Promise<Ending> {
  const program = new Program(args, { dir, env, ...(stderr !== undefined && { stderr }) })
  const ending = await program.ended(timeout)
  if (ending.code === null) throw program.failure(`was ended by ${program.signalCode}`)
  return ending
}

/** The text of a configuration file for tests: free ports of loopback and no interfaces, unless the text says else. */
export function configText(text: string): string {
  const given = parse(text)
  const defaults: TomlTable = {
    dns: { listen: hasIpv6Loopback() ? ['127.0.0.1:0', '[::1]:0'] : ['127.0.0.1:0'] },
    web: { listen: '127.0.0.1:0' },
    tunnel: { driver: 'dry-run' },
  }
  const merged: TomlTable = { zones_dir: ZONES, ...given }
  for (const [name, table] of Object.entries(defaults))
    merged[name] = { ...asTable(table), ...asTable(given[name]) }
  return stringify(merged)
}

export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some(addresses =>
    addresses?.some(({ address }) => address === '::1'),
  )
}

function asTable(value: unknown): TomlTable {
  return typeof value === 'object' && value !== null ? (value as TomlTable) : {}
}

function endpointFrom(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined) throw new Error(`the ready line names no endpoint: ${text}`)
  return endpoint
}

/** A child process running the program, with all it printed. Ends with the test process at the latest. */
class Program {
  readonly pid: number
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(
    args: readonly string[],
    {
      dir,
      env,
      stderr,
      cli = CLI,
      node = process.execPath,
    }: { dir: string; env: Readonly<Record<string, string>>; stderr?: number; cli?: string; node?: string },
  ) {
    const child = spawn(node, [cli, ...args], {
      cwd: dir,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', stderr ?? 'pipe'],
    })
    const killWithUs = () => child.kill('SIGKILL')
    process.once('exit', killWithUs)
    this.#child = child
    this.pid = child.pid ?? 0
    this.#closed = once(child, 'close').finally(() => process.removeListener('exit', killWithUs))
    child.stdin?.end()
    child.stdout?.setEncoding('utf8').on('data', text => {
      this.stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#child.signalCode
  }

  /** Waits for a line on stdout. */
  async printed(line: RegExp, timeout: number): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const look = () => {
      const found = line.exec(this.stdout)
      if (found !== null) resolve(found)
    }
    const timer = setTimeout(() => reject(this.failure(`is not ready within ${timeout} ms`)), timeout)
    this.#child.stdout?.on('data', look)
    this.#closed.then(() => reject(this.failure(`ended with ${this.exitCode}`)), reject)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#child.stdout?.removeListener('data', look)
    })
  }

  /** Sends a signal and waits for the end. Kills and rejects where that takes too long. */
  async end(signal: NodeJS.Signals, timeout: number): Promise<Ending> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    return this.ended(timeout)
  }

  async ended(timeout: number): Promise<Ending> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL')
      late.reject(this.failure(`did not end within ${timeout} ms`))
    }, timeout)
    try {
      await Promise.race([this.#closed, late.promise])
    } finally {
      clearTimeout(timer)
    }
    return { code: this.exitCode, stdout: this.stdout, stderr: this.stderr }
  }

  failure(what: string): Error {
    return new Error(`freenet6 ${what}\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`)
  }
}
