import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../bench/running-server.ts'
import { type DnsExaminationOptions, examineDns } from '../../src/doctor/dns-examination.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import type { Expectation } from '../../src/doctor/server-check.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import { type Server, startServer } from '../spawn.ts'
import type { ZoneTexts } from './nsd.ts'

export const FORWARD = 'freenet6.net'
export const REVERSE = '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const ZONE = `$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 15
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A 127.0.0.3
`
/** Our own server has to answer within it on a busy machine, too. */
const TIMEOUT_MS = 1500
const PATIENCE_MS = 300
const SOA_LINE = /^(\S+\s+\d+\s+IN\s+SOA\s+\S+\s+\S+\s+)(\d+)/m

/** What a root zone says of our zones where all is as it should be. */
export const DELEGATED = `$TTL 60
. SOA a.root. h.root. 1 3600 600 86400 15
. NS a.root.
a.root. A 127.0.0.2
${FORWARD}. NS ns1.${FORWARD}.
${FORWARD}. NS ns2.${FORWARD}.
ns1.${FORWARD}. A 127.0.0.1
ns2.${FORWARD}. A 127.0.0.3
${REVERSE}. NS ns1.${FORWARD}.
${REVERSE}. NS ns2.${FORWARD}.
`

/**
 * A small Internet on loopback, all of its servers on one port: our own at 127.0.0.1, with a tunnel; the root at
 * 127.0.0.2 and the secondary at 127.0.0.3, which each test puts there.
 */
export class World implements AsyncDisposable {
  readonly server: Server
  readonly own: Endpoint
  readonly root: Endpoint
  readonly second: Endpoint
  readonly dir: string
  readonly #expectations: readonly Expectation[]

  private constructor(server: Server, dir: string, port: number, expectations: readonly Expectation[]) {
    this.server = server
    this.dir = dir
    this.own = { address: '127.0.0.1', port }
    this.root = { address: '127.0.0.2', port }
    this.second = { address: '127.0.0.3', port }
    this.#expectations = expectations
  }

  /** `tunnel`: lines for that table of the configuration. */
  static async open({
    zone = ZONE,
    tunnel = '',
  }: {
    readonly zone?: string
    readonly tunnel?: string
  } = {}): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'freenet6-doctor-'))
    mkdirSync(join(dir, 'zones'))
    writeFileSync(join(dir, 'zones', `${FORWARD}.zone`), zone)
    const port = await freePort()
    const server = await startServer({
      dir,
      config: `[dns]\nlisten = ["127.0.0.1:${port}"]\nallow_transfer = ["127.0.0.1"]
[tunnel]\nallow_special_purpose = true\nforeign_endpoints = true\nreachability = "off"\n${tunnel}`,
    })
    const registered = await fetch(`${server.web}/api/v1/tunnels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ipv4: '192.0.2.7', nicname: 'nic', country: 'ca', os: 'linux' }),
    })
    if (registered.status !== 201) throw new Error(await registered.text())
    return new World(server, dir, port, [
      { name: `nic.ca.${FORWARD}`, type: 'AAAA', text: '2001:db8:f6::2' },
      { name: `2.${'0.'.repeat(19)}${REVERSE}`, type: 'PTR', text: `nic.ca.${FORWARD}` },
    ])
  }

  /** What our own server serves now, as master files. */
  copies(): ZoneTexts {
    return Object.fromEntries([FORWARD, REVERSE].map(zone => [zone, this.#transfer(zone)]))
  }

  /** The serial of a copy, moved. */
  moved(copies: ZoneTexts, by: number): ZoneTexts {
    return mapped(copies, text =>
      text.replace(SOA_LINE, (_, before, serial) => `${before}${(Number(serial) + by) >>> 0}`),
    )
  }

  async findings(options: Partial<DnsExaminationOptions> = {}): Promise<readonly Finding[]> {
    return examineDns({
      zones: [FORWARD, REVERSE],
      own: this.own,
      roots: [this.root],
      port: this.root.port,
      expectations: this.#expectations,
      mayTransfer: address => address === this.own.address,
      timeoutMs: TIMEOUT_MS,
      patienceMs: PATIENCE_MS,
      ...options,
    })
  }

  /** The codes of what is found, each once, in alphabetical order. */
  async codes(options: Partial<DnsExaminationOptions> = {}): Promise<readonly string[]> {
    return [...new Set((await this.findings(options)).map(({ code }) => code))].sort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    rmSync(this.dir, { recursive: true, force: true })
  }

  #transfer(zone: string): string {
    const { address, port } = this.own
    const text = execFileSync('dig', [`@${address}`, '-p', String(port), zone, 'AXFR', '+noall', '+answer'], {
      encoding: 'utf8',
    })
    const lines = text.trimEnd().split('\n')
    return `${lines.slice(0, -1).join('\n')}\n` // it ends with the SOA that it began with
  }
}

export function mapped(copies: ZoneTexts, change: (text: string) => string): ZoneTexts {
  return Object.fromEntries(Object.entries(copies).map(([name, text]) => [name, change(text)]))
}
