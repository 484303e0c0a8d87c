import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { ask } from '../ask.ts'

/** The text of a zone by its name, without the final dot; empty for the root. */
export type ZoneTexts = Readonly<Record<string, string>>

const PATIENCE_TRIES = 2000
const PAUSE_MS = 25
const TRY_MS = 250

/** Debian's NSD at an address, with zones of its own. `await using` ends it. */
export class Nsd implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child
    this.#directory = directory
  }

  /** Resolves when it answers. With `allowsTransfer` everybody gets its zones. */
  static async start(
    { address, port }: Endpoint,
    zones: ZoneTexts,
    { allowsTransfer = false }: { readonly allowsTransfer?: boolean } = {},
  ): Promise<Nsd> {
    const directory = mkdtempSync(join(tmpdir(), 'freenet6-nsd-'))
    const listed = Object.entries(zones).map(([name, text], n) => {
      const file = join(directory, `${n}.zone`)
      writeFileSync(file, text)
      const transfer = allowsTransfer ? '  provide-xfr: 127.0.0.0/8 NOKEY\n' : ''
      return `zone:\n  name: "${name}."\n  zonefile: "${file}"\n${transfer}`
    })
    const config = join(directory, 'nsd.conf')
    writeFileSync(config, configText({ address, port }, directory) + listed.join(''))
    const child = spawn('nsd', ['-d', '-c', config], { stdio: 'ignore' })
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    const nsd = new Nsd(child, directory)
    await nsd.#untilItAnswers({ address, port }, Object.keys(zones)[0] ?? '')
    return nsd
  }

  async #untilItAnswers(endpoint: Endpoint, name: string): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await ask(endpoint, name || '.', 'SOA', { timeout: TRY_MS })
        return
      } catch (error) {
        if (tries > PATIENCE_TRIES || this.#child.exitCode !== null) throw error
        await sleep(PAUSE_MS)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await ended
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function configText({ address, port }: Endpoint, directory: string): string {
  return `server:
  ip-address: ${address}@${port}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${directory}"
  xfrdfile: "${join(directory, 'xfrd.state')}"
  zonelistfile: "${join(directory, 'zone.list')}"
  xfrdir: "${directory}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
`
}
