/** Loads the pages with autocannon beside a paced DNS client and writes docs/benchmarks-web.md: `npm run bench:web`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { coresFor, moveToGeneratorCore } from '../cores.ts'
import { describeMachine } from '../machine.ts'
import { Registrants } from '../registrant.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { serveCommand } from '../serve-command.ts'
import { percentile } from '../statistics.ts'
import { configText } from '../table.ts'
import { whileAsking } from './dns-latency.ts'
import { type ListenedTunnel, Listeners } from './listeners.ts'
import { LANDING, type Load, registrations, runWebLoad, tunnelPage } from './load.ts'
import { type ListenerFigures, type LoadRow, type WebReport, webReport } from './report.ts'

const CONNECTIONS = [8, 64] as const
const LISTENERS = 1000 // as many as the server takes
/** Tunnels that move at a time. */
const MOVING = 8
const WARM_UP_SECONDS = 2
/** Keeps the generator's core as busy as autocannon does, so that its own part in the figures is seen. */
const SPIN = 'for (;;) {}'

interface Registered extends ListenedTunnel {
  readonly name: string
  readonly ipv6_client: string
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    report: { type: 'string', default: 'docs/benchmarks-web.md' },
  },
})
const seconds = Number(values.seconds)
const work = mkdtempSync(join(tmpdir(), 'freenet6-bench-web-'))
try {
  const text = webReport(await measure())
  if (values.report === '-') process.stdout.write(text)
  else writeFileSync(resolve(values.report), text)
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function measure(): Promise<WebReport> {
  const { server: cores } = coresFor(1)
  const machine = describeMachine(work)
  moveToGeneratorCore()
  await using server = await start(cores)
  const [, url = ''] = await server.printed(/^ready .*web=(\S+)/m)
  const tunnels = await register(url)
  const [first] = tunnels
  if (first === undefined) throw new Error('no tunnel')
  const question = { name: first.name, type: 'AAAA', answer: first.ipv6_client } as const
  const ask = <T>(work: () => Promise<T>) => whileAsking({ port: server.port, question }, work)

  await runWebLoad(url, LANDING, { connections: 8, seconds: WARM_UP_SECONDS })
  await server.settle()
  const { dns: quiet } = await ask(() => sleep(seconds * 1000))
  const { dns: spinning } = await ask(spin)
  const rows: LoadRow[] = []
  const loads = [() => LANDING, registrations, () => page]
  const page = await tunnelPage(url, first)
  for (const connections of CONNECTIONS)
    for (const next of loads) rows.push(await measureLoad(next(), connections))
  return { machine, command: commandLine(), seconds, quiet, spinning, rows, listeners: await listen() }

  async function measureLoad(load: Load, connections: number): Promise<LoadRow> {
    process.stderr.write(`${load.name}, ${connections} connections\n`)
    const { result, dns } = await ask(() => runWebLoad(url, load, { connections, seconds }))
    return { name: load.name, connections, web: result, dns }
  }

  async function listen(): Promise<ListenerFigures> {
    process.stderr.write(`${LISTENERS} listeners\n`)
    const listeners = new Listeners()
    try {
      await listeners.open(url, tunnels)
      const started = performance.now()
      const { result: times, dns } = await ask(() => moveAll(listeners))
      const eventsASecond = (times.length / (performance.now() - started)) * 1000
      return {
        count: tunnels.length,
        firstP99: listeners.firstP99,
        moving: MOVING,
        p50: percentile(times, 0.5),
        p99: percentile(times, 0.99),
        eventsASecond,
        dns,
        landing: await measureLoad(LANDING, 8),
      }
    } finally {
      listeners.close()
    }
  }

  /** Moves every tunnel, some at a time; what counts is when its page hears of it. */
  async function moveAll(listeners: Listeners): Promise<readonly number[]> {
    const registrants = new Registrants('moved', 1)
    const waiting = tunnels.values()
    const times: number[] = []
    const moveOne = async ({ id, key }: Registered) => {
      const body = JSON.stringify({ ipv4: registrants.next().ipv4 })
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const move = () => fetch(`${url}/api/v1/tunnels/${id}`, { method: 'PATCH', headers, body })
      times.push(await listeners.timeOfState(id, move))
    }
    const moveOn = async () => {
      for (const tunnel of waiting) await moveOne(tunnel)
    }
    await Promise.all(Array.from({ length: MOVING }, moveOn))
    return times
  }
}

async function start(cores: string): Promise<RunningServer> {
  const port = await freePort()
  const config = join(work, 'serve.toml')
  const web = '[web]\ntrusted_proxies = ["127.0.0.1"]\n'
  mkdirSync(join(work, 'data'), { recursive: true })
  writeFileSync(config, configText({ port, threads: 1 }).replace('[web]\n', web))
  return RunningServer.launch({
    command: serveCommand(config),
    directory: work,
    cores,
    port,
    question: undefined,
  })
}

async function register(url: string): Promise<readonly Registered[]> {
  const registrants = new Registrants('page', 0)
  const tunnels: Registered[] = []
  for (let n = 0; n < LISTENERS; n++) {
    const { name: _, ...body } = registrants.next()
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${url}/api/v1/tunnels`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (reply.status !== 201)
      throw new Error(`a registration has status ${reply.status}: ${await reply.text()}`)
    tunnels.push((await reply.json()) as Registered)
  }
  return tunnels
}

async function spin(): Promise<void> {
  const worker = new Worker(SPIN, { eval: true })
  await sleep(seconds * 1000)
  await worker.terminate()
}

function commandLine(): string {
  return `npm run bench:web${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`
}
