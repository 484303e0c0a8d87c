import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify, type TomlTable, type TomlValue } from 'smol-toml'
import type { Asked } from '../../bench/paced-sender.ts'
import { ask, type Ending, runCli, type Server, startServer } from '../spawn.ts'

const LAB = `
[tunnel]
allow_special_purpose = true
foreign_endpoints = true
reachability = "off"
[web]
registrations_per_hour = 0
`
export const PATIENCE_MS = 60_000
const REGISTRATION_EVERY_MS = 40
export const GLUE: Asked = { name: 'ns1.freenet6.net', type: 'A', data: '192.0.2.1' }

export interface Registered {
  readonly id: string
  readonly name: string
  readonly ipv6_client: string
}

/** A service in a directory of its own that processes follow each other in; all of them end with the test. */
export class RestartedBroker {
  readonly dir = mkdtempSync(join(tmpdir(), 'freenet6-restart-'))
  /** Where the program lies, if it is another than this one. */
  program: string | undefined
  /** The Node that runs it, if it is another than this one. */
  node: string | undefined
  readonly #env: Readonly<Record<string, string>>
  #server: Server | undefined

  constructor(t: TestContext, env: Readonly<Record<string, string>> = {}) {
    this.#env = env
    t.after(async () => {
      const server = this.#server
      for (const pid of server === undefined ? [] : [server.pid, ...this.successors]) endProcess(pid)
      await server?.[Symbol.asyncDispose]()
      rmSync(this.dir, { recursive: true, force: true })
    })
  }

  /** The process that was started last, other than by a restart. */
  get server(): Server {
    assert.ok(this.#server !== undefined)
    return this.#server
  }

  get configFile(): string {
    return join(this.dir, 'freenet6.toml')
  }

  /** A plain start; `more` is a further part of the configuration. */
  async start(more = ''): Promise<Server> {
    const own = {
      ...(this.program !== undefined && { program: this.program }),
      ...(this.node !== undefined && { node: this.node }),
    }
    this.#server = await startServer({ dir: this.dir, config: `${LAB}${more}`, env: this.#env, ...own })
    return this.#server
  }

  /** What its file says now. */
  get configuration(): TomlTable {
    return parse(readFileSync(this.configFile, 'utf8'))
  }

  /** Gives keys at the top of the configuration's file these values; undefined: none. The process is not told. */
  edit(keys: Readonly<Record<string, TomlValue | undefined>>): void {
    const values = Object.entries({ ...this.configuration, ...keys })
    const table = Object.fromEntries(values.filter(([, value]) => value !== undefined)) as TomlTable
    writeFileSync(this.configFile, stringify(table))
  }

  /** Ids of the processes that were started to take over, from the log. */
  get successors(): readonly number[] {
    const lines = this.server.stderr.matchAll(/"pid":([1-9]\d*),"msg":"a successor was started"/g)
    return Array.from(lines, ([, pid]) => Number(pid))
  }

  command(...words: readonly string[]): Promise<Ending> {
    return runCli([...words, '--json', '--config', this.configFile], { timeout: PATIENCE_MS })
  }

  /** A restart that must do; returns the id of the process that has taken over. */
  async restarted(): Promise<number> {
    const { code, stdout, stderr } = await this.command('restart')
    assert.equal(code, 0, stdout + stderr)
    return (JSON.parse(stdout) as { pid: number }).pid
  }

  /** What a restart that must fail says. */
  async failure(): Promise<string> {
    const { code, stdout } = await this.command('restart')
    assert.equal(code, 1, stdout)
    const problem = JSON.parse(stdout) as { code: string; detail: string }
    assert.equal(problem.code, 'restart-failed')
    return problem.detail
  }

  register(index: number, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        ipv4: `198.51.${100 + (index >> 8)}.${index & 255}`,
        nicname: `h${index}`,
        country: 'ca',
        os: 'linux',
      }),
    })
  }

  async registered(index: number): Promise<Registered> {
    return (await (await this.register(index)).json()) as Registered
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.server.web}/readyz`).catch(() => undefined))?.status === 200
  }

  async assertServed(registered: readonly Registered[]): Promise<void> {
    for (const { name, ipv6_client } of registered) {
      const { reply } = await ask(this.server.endpoint(), name, 'AAAA')
      assert.deepEqual(
        reply.answers?.map(answer => ('data' in answer ? answer.data : '')),
        [ipv6_client],
        name,
      )
    }
  }
}

/** Whether a process has ended, be it that nobody has asked how. */
export function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

/** Registers one after the other until it is told to stop; what is refused meanwhile is only put off. */
export class Registrant {
  readonly registered: Registered[] = []
  readonly odd: string[] = []
  putOff = 0
  /** Connections that were lost: nobody knows whether the tunnel is there. */
  cutOff = 0
  #isStopped = false
  readonly #ended: Promise<void>

  constructor(broker: RestartedBroker) {
    this.#ended = this.#run(broker)
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
  }

  async #run(broker: RestartedBroker): Promise<void> {
    for (let index = 1; !this.#isStopped; ) {
      try {
        const response = await broker.register(index)
        if (response.status === 201) {
          this.registered.push((await response.json()) as Registered)
          index++
        } else if (response.status === 503 && response.headers.has('retry-after')) this.putOff++
        else this.odd.push(`${response.status} ${await response.text()}`)
      } catch {
        this.cutOff++
        index++
      }
      await sleep(REGISTRATION_EVERY_MS)
    }
  }
}
