import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'

/** What a secondary follows. */
export interface Followed {
  readonly primary: Endpoint
  /** With the final dot. */
  readonly zones: readonly string[]
  /** Where the primary takes TLS (RFC 9103); named alone can, as knotd 3.2 does not. */
  readonly tlsPort?: number
  /** File of the certificate that the primary must show there; without it any will do. */
  readonly certificate?: string
  /** The catalog zone that names the others, without the final dot. */
  readonly catalog?: string
  /** Base64. */
  readonly secret: string
  readonly keyName: string
}

interface Kind {
  /** Where it listens and transfers from: one address each, so that logs tell them apart. */
  readonly address: string
  readonly command: (config: string) => readonly [string, ...string[]]
  readonly config: (followed: Followed, place: Place) => string
  /** Lines of its log that stand for a transfer of each kind. */
  readonly full: RegExp
  readonly incremental: RegExp
}

interface Place {
  readonly address: string
  readonly port: number
  readonly directory: string
}

const STOP_TIMEOUT_MS = 10_000

const KINDS = {
  knotd: {
    address: '127.0.0.3',
    command: config => ['knotd', '-c', config],
    config: knotConfig,
    full: /AXFR, incoming, .*finished/g,
    incremental: /IXFR, incoming, .*finished/g,
  },
  named: {
    address: '127.0.0.1', // it takes none that no interface has
    command: config => ['named', '-g', '-d', '3', '-n', '1', '-c', config],
    config: namedConfig,
    full: /got nonincremental response/g,
    incremental: /got incremental response/g,
  },
} as const satisfies Readonly<Record<string, Kind>>

export type SecondaryName = keyof typeof KINDS
export const SECONDARY_NAMES = Object.keys(KINDS) as readonly SecondaryName[]

/** Somebody else's nameserver as a secondary of ours, on an address of loopback of its own. `await using` ends it. */
export class SecondaryServer {
  readonly name: SecondaryName
  readonly endpoint: Endpoint
  readonly #directory: string
  #child: ChildProcess | undefined
  #output = ''

  private constructor(name: SecondaryName, place: Place) {
    this.name = name
    this.endpoint = { address: place.address, port: place.port }
    this.#directory = place.directory
  }

  /** Where it will be told of changes; it is started by `start`. */
  static async prepare(name: SecondaryName, parent: string): Promise<SecondaryServer> {
    const directory = join(parent, name)
    mkdirSync(directory)
    return new SecondaryServer(name, { address: KINDS[name].address, port: await freePort(), directory })
  }

  start(followed: Followed): void {
    const { command, config } = KINDS[this.name]
    const file = join(this.#directory, 'config')
    writeFileSync(file, config(followed, { ...this.endpoint, directory: this.#directory }))
    const [program, ...args] = command(file)
    const child = spawn(program, args, { cwd: this.#directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    const take = (text: string) => {
      this.#output += text
    }
    child.stdout?.setEncoding('latin1').on('data', take)
    child.stderr?.setEncoding('latin1').on('data', take)
    this.#child = child
  }

  /** How many transfers of each kind its log tells of. */
  get transfers(): { readonly full: number; readonly incremental: number } {
    const { full, incremental } = KINDS[this.name]
    return {
      full: this.#output.match(full)?.length ?? 0,
      incremental: this.#output.match(incremental)?.length ?? 0,
    }
  }

  /** The last lines of its log about a thing. */
  linesAbout(word: string): string {
    const lines = this.#output.split('\n').filter(line => line.includes(word))
    return [`${this.name} (${this.#child?.exitCode ?? 'running'})`, ...lines.slice(-30)].join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}

function knotConfig(
  { primary, zones, catalog, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  return `server:
  listen: ${address}@${port}
  rundir: "${directory}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 2
database:
  storage: "${directory}"
log:
  - target: stderr
    any: info
key:
  - id: ${keyName}
    algorithm: hmac-sha256
    secret: ${secret}
remote:
  - id: primary
    address: ${primary.address}@${primary.port}
    via: ${address}
    key: ${keyName}
acl:
  - id: primary
    address: ${primary.address}
    key: ${keyName}
    action: notify
  - id: dump
    address: ${address}
    action: transfer
template:
  - id: default
    storage: "${directory}"
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    master: primary
    acl: [primary, dump]
zone:
${zones.map(name => `  - domain: "${name}"\n`).join('')}${
  catalog === undefined
    ? ''
    : `  - domain: "${catalog}"\n    catalog-role: interpret\n    catalog-template: default\n`
}`
}

function namedConfig(
  { primary, zones, catalog, tlsPort, certificate, secret, keyName }: Followed,
  { address, port, directory }: Place,
): string {
  const tls = tlsPort === undefined ? '' : ` tls ${certificate === undefined ? 'ephemeral' : 'primary'}`
  const from = `${primary.address} port ${tlsPort ?? primary.port} key "${keyName}"${tls};`
  return `${certificate === undefined ? '' : `tls primary { ca-file "${certificate}"; remote-hostname "localhost"; };\n`}key "${keyName}" { algorithm hmac-sha256; secret "${secret}"; };
options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${join(directory, 'session.key')}";
  listen-on port ${port} { ${address}; };
  listen-on-v6 { none; };
  transfer-source ${address};
  allow-transfer { ${address}; };
  allow-notify { key "${keyName}"; };
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  serial-query-rate 1000;
${catalog === undefined ? '' : `  catalog-zones { zone "${catalog}" default-primaries { ${from} } in-memory yes; };`}
};
controls { };
${[...zones, ...(catalog === undefined ? [] : [catalog])]
  .map((name, index) => `zone "${name}" { type secondary; file "${index}.zone"; primaries { ${from} }; };\n`)
  .join('')}`
}
