/**
 * How quickly names and pages are answered while the tunnels of a table come up on the guest's kernel, beside the same
 * server at rest: prints one line of a table. The table is one that `bench/table.ts` has made.
 *
 *   uml-run -m 3072M -t 1200 -- node test/lab/bring-up.guest.ts DIRECTORY TUNNELS
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { countryOfTunnel, nicnameOfTunnel } from '../../bench/filled-tunnel.ts'
import { percentile } from '../../bench/statistics.ts'
import { configText, ORIGIN } from '../../bench/table.ts'
import { queryOf } from '../engine/zones.ts'

const [made = '', text = '0'] = process.argv.slice(2)
const tunnels = Number(text)
const PORT = 5300
const WEB = 'http://192.0.2.1:8080/'
const SMALL_PAGE = `${WEB}robots.txt`
const DIRECTORY = '/run/bring-up' // in the guest's memory
const QUERY_EVERY_MS = 10
const PAGE_EVERY_MS = 200
const REST_MS = 20_000
const LONGEST_UP_MS = 600_000
const LOST_AFTER_MS = 10_000

/** Milliseconds to each answer, and how many never came. */
interface Answers {
  readonly times: number[]
  lost: number
}

/** Asks at an even pace until `stop`. */
class Asker {
  dns: Answers = { times: [], lost: 0 }
  web: Answers = { times: [], lost: 0 }
  readonly #socket = createSocket('udp4')
  readonly #sent = new Map<number, number>()
  readonly #timers: NodeJS.Timeout[] = []
  #asked = 0

  constructor() {
    this.#socket.on('message', reply => {
      const id = reply.readUInt16BE(0)
      const sent = this.#sent.get(id)
      if (sent === undefined) return
      this.#sent.delete(id)
      this.dns.times.push(performance.now() - sent)
    })
  }

  start(): void {
    this.#timers.push(setInterval(() => this.#ask(), QUERY_EVERY_MS))
    this.#timers.push(setInterval(() => void this.#visit(), PAGE_EVERY_MS))
  }

  /** What was answered since the last time. */
  take(): { readonly dns: Answers; readonly web: Answers } {
    const now = performance.now()
    for (const [id, sent] of this.#sent) {
      if (now - sent < LOST_AFTER_MS) continue
      this.#sent.delete(id)
      this.dns.lost++
    }
    const { dns, web } = this
    this.dns = { times: [], lost: 0 }
    this.web = { times: [], lost: 0 }
    return { dns, web }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#socket.close()
  }

  #ask(): void {
    const index = (this.#asked * 7919) % tunnels
    const id = this.#asked++ & 0xffff
    this.#sent.set(id, performance.now())
    const name = `${nicnameOfTunnel(index)}.${countryOfTunnel(index)}.${ORIGIN}.`
    this.#socket.send(queryOf(name, 'AAAA', { id }), PORT, '192.0.2.1')
  }

  async #visit(): Promise<void> {
    const { web } = this
    const began = performance.now()
    try {
      await (await fetch(WEB, { signal: AbortSignal.timeout(LOST_AFTER_MS) })).arrayBuffer()
      web.times.push(performance.now() - began)
    } catch {
      web.lost++
    }
  }
}

function ip(line: string): void {
  const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
  assert.equal(status, 0, `ip ${line}: ${stderr}`)
}

/** IPv6 routes of the kernel. */
function routes(): number {
  const [, , , entries = '0'] = readFileSync('/proc/net/rt6_stats', 'utf8').trim().split(/\s+/)
  return Number.parseInt(entries, 16)
}

function configFile(): string {
  cpSync(join(made, 'data'), join(DIRECTORY, 'data'), { recursive: true })
  const file = join(DIRECTORY, 'freenet6.toml')
  const config = configText({ port: PORT, threads: 1 })
    .replace(`127.0.0.1:${PORT}`, `192.0.2.1:${PORT}`)
    .replace('"127.0.0.1:0"', '"192.0.2.1:8080"')
    .replace('driver = "dry-run"', 'driver = "sit"\nserver_ipv4 = "192.0.2.1"\nallow_special_purpose = true')
    .replace('data_dir = "data"', `data_dir = "${DIRECTORY}/data"`)
  writeFileSync(file, config)
  return file
}

const cell = ({ times, lost }: Answers) =>
  `${percentile(times, 0.5).toFixed(1)} / ${percentile(times, 0.99).toFixed(1)} ms${lost > 0 ? `, ${lost} lost` : ''}`

for (const line of [
  'link set lo up',
  'link add uplink0 type veth peer name uplink1',
  'link set uplink0 up',
  'link set uplink1 up',
  'address add 192.0.2.1/24 dev uplink0',
  'route add 0.0.0.0/0 via 192.0.2.2',
  'neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev uplink0 nud permanent',
])
  ip(line)
const before = routes()
const child = spawn(process.execPath, ['src/cli.ts', 'serve', '--config', configFile()], {
  env: { ...process.env, FREENET6_LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'pipe', 'pipe'],
})
child.stderr.pipe(process.stderr)
await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
assert.equal(child.exitCode, null)
await (await fetch(SMALL_PAGE)).arrayBuffer() // the asker's own start is not the server's
const asker = new Asker()
asker.start()
const began = performance.now()
while (routes() - before < tunnels && performance.now() - began < LONGEST_UP_MS) await sleep(100)
const up = performance.now() - began
const meanwhile = asker.take()
await sleep(REST_MS) // the first round of the monitor
asker.take()
await sleep(REST_MS)
const rest = asker.take()
asker.stop()
child.kill('SIGTERM')
const cells = [tunnels.toLocaleString('en'), `${(up / 1000).toFixed(1)} s`]
process.stdout.write(
  `| ${[...cells, cell(meanwhile.dns), cell(rest.dns), cell(meanwhile.web), cell(rest.web)].join(' | ')} |\n`,
)
process.exit(0)
