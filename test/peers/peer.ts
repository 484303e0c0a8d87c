import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../bench/running-server.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'

/** A zone as a nameserver gets it. */
export interface ZoneFile {
  /** With the final dot. */
  readonly name: string
  readonly file: string
}

interface Kind {
  readonly command: (config: string) => readonly [string, ...string[]]
  readonly config: (zones: readonly ZoneFile[], place: { port: number; directory: string }) => string
}

const STOP_TIMEOUT_MS = 10_000

/** Loads whatever it can be made to load: what a zone may hold is not the question here, but what is answered from it. */
const PEERS = {
  named: { command: config => ['named', '-g', '-n', '1', '-c', config], config: namedConfig },
  knotd: { command: config => ['knotd', '-c', config], config: knotConfig },
  nsd: { command: config => ['nsd', '-d', '-c', config], config: nsdConfig },
} as const satisfies Readonly<Record<string, Kind>>

export type PeerName = keyof typeof PEERS
export const PEER_NAMES = Object.keys(PEERS) as readonly PeerName[]

/** Somebody else's nameserver on a free port of loopback. `await using` ends it. */
export class Peer {
  readonly name: PeerName
  readonly endpoint: Endpoint
  readonly #child: ChildProcess
  #output = ''

  private constructor(name: PeerName, child: ChildProcess, port: number) {
    this.name = name
    this.endpoint = { address: '127.0.0.1', port }
    this.#child = child
    const take = (text: string) => {
      this.#output += text
    }
    child.stdout?.setEncoding('latin1').on('data', take)
    child.stderr?.setEncoding('latin1').on('data', take)
  }

  /** Starts it in a directory of its own below `parent`. It loads its zones meanwhile. */
  static async start(name: PeerName, zones: readonly ZoneFile[], parent: string): Promise<Peer> {
    const directory = join(parent, name)
    mkdirSync(directory)
    const port = await freePort()
    const config = join(directory, 'config')
    const { command, config: configOf } = PEERS[name]
    writeFileSync(config, configOf(zones, { port, directory }))
    const [program, ...args] = command(config)
    const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    return new Peer(name, child, port)
  }

  /** Whether it runs, and what it has printed about a thing. */
  linesAbout(word: string): string {
    const lines = this.#output.split('\n').filter(line => line.includes(word))
    return [this.#hasEnded ? `${this.name} has ended` : `${this.name} is running`, ...lines].join('\n')
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}

function namedConfig(
  zones: readonly ZoneFile[],
  { port, directory }: { port: number; directory: string },
): string {
  return `options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${join(directory, 'session.key')}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  minimal-responses yes;
  zero-no-soa-ttl no;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  check-names primary ignore;
  check-integrity no;
  check-mx ignore;
  check-mx-cname ignore;
  check-srv-cname ignore;
  check-sibling no;
  check-wildcard no;
  check-spf ignore;
  max-records-per-type 0;
  max-types-per-name 0;
};
controls { };
${zones.map(({ name, file }) => `zone "${name}" { type primary; file "${file}"; };\n`).join('')}`
}

function knotConfig(
  zones: readonly ZoneFile[],
  { port, directory }: { port: number; directory: string },
): string {
  return `server:
  listen: 127.0.0.1@${port}
  rundir: "${directory}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${directory}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "${directory}"
    journal-content: none
    zonefile-sync: -1
    zonefile-load: whole
    semantic-checks: soft
zone:
${zones.map(({ name, file }) => `  - domain: "${name}"\n    file: "${file}"\n`).join('')}`
}

function nsdConfig(
  zones: readonly ZoneFile[],
  { port, directory }: { port: number; directory: string },
): string {
  return `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${directory}"
  xfrdfile: "${join(directory, 'xfrd.state')}"
  zonelistfile: "${join(directory, 'zone.list')}"
  xfrdir: "${directory}"
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
${zones.map(({ name, file }) => `zone:\n  name: "${name}"\n  zonefile: "${file}"\n`).join('')}`
}
