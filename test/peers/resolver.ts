import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../ask.ts'

const DNS_PORT = 53
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5000

/** Where a resolver runs, and where the root is. */
export interface Site {
  readonly directory: string
  /** It listens here and asks from here. */
  readonly address: string
  readonly root: { readonly name: string; readonly address: string }
}

/** A resolver of Debian's: iterates from the root, minimises strictly (RFC 9156), validates nothing. */
export interface ResolverKind {
  readonly name: string
  readonly command: 'unbound' | 'kresd' | 'named'
  /** Whether it asks in random letter case (draft-vixie-dnsext-dns0x20). */
  readonly randomCase: boolean
  /** Whether it goes on label by label behind a name without data; Knot Resolver asks for the whole name then. */
  readonly minimisesDeep: boolean
  readonly config: (site: Site) => string
  readonly args: (config: string, directory: string) => readonly string[]
}

export const RESOLVERS: readonly ResolverKind[] = [
  {
    name: 'Unbound',
    command: 'unbound',
    randomCase: true,
    minimisesDeep: true,
    config: ({ directory, address }) => `server:
  directory: "${directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  interface: ${address}
  outgoing-interface: ${address}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  num-threads: 1
  root-hints: "root.hints"
  module-config: "iterator"
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-below-nxdomain: yes
remote-control:
  control-enable: no
`,
    args: config => ['-d', '-c', config],
  },
  {
    name: 'Knot Resolver', // it minimises and mixes letters unless it is told not to
    command: 'kresd',
    randomCase: true,
    minimisesDeep: false,
    config: ({ address, root }) => `net.ipv6 = false
net.listen('${address}', ${DNS_PORT}, { kind = 'dns' })
net.outgoing_v4('${address}')
trust_anchors.remove('.')
modules = { 'hints > iterate' }
hints.root({ ['${root.name}'] = { '${root.address}' } })
cache.size = 20 * MB
cache.min_ttl(0)
`,
    args: (config, directory) => ['-n', '-c', config, directory],
  },
  {
    name: 'BIND',
    command: 'named',
    randomCase: false,
    minimisesDeep: true,
    config: ({ directory, address }) => `options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${join(directory, 'session.key')}";
  listen-on port ${DNS_PORT} { ${address}; };
  listen-on-v6 { none; };
  query-source address ${address};
  recursion yes;
  allow-recursion { any; };
  allow-query-cache { any; };
  dnssec-validation no;
  qname-minimization strict;
  empty-zones-enable no;
};
controls { };
zone "." { type hint; file "root.hints"; };
`,
    args: config => ['-g', '-4', '-n', '1', '-c', config],
  },
]

/** A resolver process that answers. */
export class Resolver {
  readonly endpoint: { readonly address: string; readonly port: number }
  readonly #child: ChildProcess
  #output = ''

  private constructor(child: ChildProcess, address: string) {
    this.endpoint = { address, port: DNS_PORT }
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4000)
      })
    }
  }

  /** Resolves when it has found the root. Rejects with what it printed where that takes too long. */
  static async start(kind: ResolverKind, site: Site): Promise<Resolver> {
    mkdirSync(site.directory, { recursive: true })
    const config = join(site.directory, 'config')
    const { root } = site
    writeFileSync(
      join(site.directory, 'root.hints'),
      `. 3600 NS ${root.name}\n${root.name} 3600 A ${root.address}\n`,
    )
    writeFileSync(config, kind.config(site))
    const child = spawn(kind.command, kind.args(config, site.directory), {
      cwd: site.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const killWithUs = () => child.kill('SIGKILL')
    process.once('exit', killWithUs)
    child.once('exit', () => process.removeListener('exit', killWithUs))
    const resolver = new Resolver(child, site.address)
    await resolver.#untilReady()
    return resolver
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS
    while (Date.now() < deadline && this.#child.exitCode === null) {
      const answer = await ask(this.endpoint, '.', 'NS', { recursive: true }).catch(() => undefined)
      if (answer?.rcode === 'NOERROR' && answer.reply.answers?.length === 1) return
      await sleep(50)
    }
    await this.stop()
    throw new Error(`the resolver finds no root\n${this.#output}`)
  }
}
