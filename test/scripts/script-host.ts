import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the namespaces look like before a script runs: /etc may be written to and is not the machine's, /run is empty. */
const SETTING = `set -e
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$STATE/etc,workdir=$STATE/work" /etc
mount -t tmpfs run /run
mount --bind -o ro /sys /sys
PATH=$STATE/bin:$PATH
`

/** Tools that outlive a script which was stopped, and say nothing, hold the last one open: a run ends when they have. */
const STDIO: ['pipe', 'pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe', 'pipe']

export interface HostRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly calls: string
}

export interface RunOptions {
  readonly args?: readonly string[]
  /** Shell commands to run in the same namespaces before and after the script; what the latter say follows its words. */
  readonly before?: string
  readonly after?: string
}

/**
 * A host of a script's own: namespaces for mounts and network, an /etc laid over the machine's, which lasts from run to
 * run, and this machine's tools but for those that stand-ins are given for. A stand-in is the body of a shell script; it
 * writes its call down and may keep state in the directory $STATE.
 */
export class ScriptHost {
  readonly #dir = mkdtempSync(join(tmpdir(), 'freenet6-host-'))

  constructor(tools: Readonly<Record<string, string>>) {
    for (const folder of ['bin', 'etc', 'work']) mkdirSync(join(this.#dir, folder))
    chmodSync(this.#dir, 0o755)
    for (const [tool, body] of Object.entries(tools)) {
      const file = join(this.#dir, 'bin', tool)
      writeFileSync(file, `#!/bin/sh\necho "${tool} $*" >> "$STATE/calls"\n${body}\n`, { mode: 0o755 })
    }
  }

  /** Runs the script's text as root of its namespaces. */
  run(text: string, options: RunOptions = {}): HostRun {
    const { args = [], before = '', after = '' } = options
    rmSync(this.#state('calls'), { force: true })
    writeFileSync(join(this.#dir, 'script'), text)
    const steps = `${SETTING}${before}\nset +e\nsh "$STATE/script" "$@"\nstatus=$?\n${after}\nexit $status\n`
    const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user']
    const command = ['--mount', '--net', ...asRoot, 'sh', '-c', steps, 'sh', ...args]
    const env = { ...process.env, STATE: this.#dir }
    const { status, stdout, stderr } = spawnSync('unshare', command, { env, encoding: 'utf8', stdio: STDIO })
    return { status, stdout, stderr, calls: this.recall('calls') }
  }

  /** The text of a file that a stand-in keeps; empty if there is none. */
  recall(name: string): string {
    return existsSync(this.#state(name)) ? readFileSync(this.#state(name), 'utf8') : ''
  }

  /** Tells whether a stand-in keeps a file of that name. */
  has(name: string): boolean {
    return existsSync(this.#state(name))
  }

  /** Gives a stand-in the file that it looks at. */
  remember(name: string, text: string): void {
    writeFileSync(this.#state(name), text)
  }

  /** Takes a file of a stand-in away. */
  forget(name: string): void {
    rmSync(this.#state(name), { force: true })
  }

  /** The files below /etc that the scripts have made or changed. */
  get made(): readonly string[] {
    const etc = join(this.#dir, 'etc')
    const files = readdirSync(etc, { recursive: true, encoding: 'utf8' })
    return files.filter(file => statSync(join(etc, file)).isFile()).sort()
  }

  /** The text of a file below /etc. */
  read(file: string): string {
    return readFileSync(join(this.#dir, 'etc', file), 'utf8')
  }

  /** Puts a file below /etc, as if its owner had. */
  write(file: string, text: string): void {
    writeFileSync(join(this.#state('etc'), file), text)
  }

  end(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #state(name: string): string {
    return join(this.#dir, name)
  }
}
