/**
 * Sends queries at an even pace through reloads and restarts, and prints what became of them:
 * `node bench/restart.ts --tunnels 100000 --reloads 60 --restarts 5`. dnsperf makes half of the load that the server
 * answers at most; a sender beside it, over UDP and TCP, holds each answer against the table. Nothing is sent twice.
 * `--report docs/benchmarks.md` puts that into the part of the file that is this command's.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readConfig } from '../src/config/config.ts'
import { ControlClient } from '../src/operator/control-client.ts'
import { countryOfTunnel, nicnameOfTunnel } from './filled-tunnel.ts'
import { describeMachine } from './machine.ts'
import { figure } from './markdown.ts'
import { writePart } from './owned-part.ts'
import { type Asked, PacedSender } from './paced-sender.ts'
import { restartSection, type SenderFigures } from './restart-report.ts'
import { freePort } from './running-server.ts'
import { serveCommand } from './serve-command.ts'
import { buildTable, configText, ORIGIN } from './table.ts'

/** As the marks in docs/benchmarks.md have it. */
const OWNER = 'bench/restart.ts'
const CHECKED_A_SECOND = 500
const CHECKED_NAMES = 50
/** Enough buffers for what waits while a successor begins: it is answered in one burst. */
const LOAD = ['-c', '64', '-T', '1', '-q', '60000', '-t', '15']

interface Turns {
  readonly reloads: number
  readonly restarts: number
  /** Length of the load. */
  readonly seconds: number
}

interface Figures {
  readonly sent: number
  readonly answered: number
  readonly lost: number
}

const { values } = parseArgs({
  options: {
    tunnels: { type: 'string', default: '100000' },
    reloads: { type: 'string', default: '60' },
    restarts: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '180' },
    rate: { type: 'string' },
    work: { type: 'string' },
    report: { type: 'string', default: '-' },
  },
})
const [tunnels = 0, reloads = 0, restarts = 0, seconds = 0] = [
  values.tunnels,
  values.reloads,
  values.restarts,
  values.seconds,
].map(Number)
const work = values.work ?? mkdtempSync(join(tmpdir(), 'freenet6-bench-'))
async function run(count: number, turns: Turns): Promise<void> {
  mkdirSync(work, { recursive: true })
  const machine = describeMachine(work)
  const table = buildTable(work, count)
  const port = await freePort()
  const config = join(table.directory, 'restart.toml')
  writeFileSync(config, configText({ port, threads: 1 }))
  const reading = readConfig(config)
  if (reading.kind === 'mistakes') throw new Error(reading.mistakes.join('\n'))
  const socket = join(table.directory, 'data', 'control.sock')
  let pid = await start(table.directory, config)
  try {
    const asked = await askedIn(socket)
    const rate = values.rate === undefined ? await halfLoad(table.questions, port) : Number(values.rate)
    const sender = new PacedSender({ address: '127.0.0.1', port }, { asked, perSecond: CHECKED_A_SECOND })
    const droppedBefore = droppedAt(port)
    const load = runLoad(port, { questions: table.questions, rate, seconds: turns.seconds })
    const began = performance.now()
    const times: number[] = []
    for (const turn of inTurn(turns)) {
      if (turn === 'reload') await command(socket, 'reload')
      else {
        const taken = (await command(socket, 'restart')) as { pid: number; milliseconds: number }
        pid = taken.pid
        times.push(taken.milliseconds)
      }
    }
    const seconds = (performance.now() - began) / 1000
    if (seconds > turns.seconds)
      process.stderr.write('the load ended before the last turn: give more --seconds\n')
    const heavy = await load
    await sender.stop()
    const dropped = droppedAt(port) - droppedBefore
    const section = restartSection({
      args: process.argv.slice(2),
      machine: machine.facts,
      tunnels: count,
      reloads: turns.reloads,
      restarts: times,
      seconds,
      senders: senders(rate, heavy, sender),
      dropped,
    })
    if (values.report === '-') process.stdout.write(section)
    else writePart(resolve(values.report), OWNER, section)
    for (const wrong of [...sender.udp.wrong, ...sender.tcp.wrong].slice(0, 10))
      process.stderr.write(`${wrong}\n`)
  } finally {
    await end(pid)
  }
}

/** Resolves with its id when it is ready. */
async function start(directory: string, config: string): Promise<number> {
  const [program = '', ...args] = serveCommand(config)
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.stdout.resume()
  return child.pid ?? 0
}

/** Datagrams that the system has dropped for want of room in the server's sockets. */
function droppedAt(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/udp', 'utf8').split('\n')
  const drops = lines.filter(line => line.trim().split(/ +/)[1] === local)
  return drops.reduce((total, line) => total + Number(line.trim().split(/ +/).at(-1)), 0)
}

/** Ends a process that is no child of this one any more, and waits for it. */
async function end(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM')
  while (existsSync(`/proc/${pid}`)) await sleep(50)
}

async function command(socket: string, name: string, parameters: object = {}): Promise<unknown> {
  using client = await ControlClient.connect(socket)
  const reply = await client.send(name, parameters)
  if ('problem' in reply) throw new Error(`${name}: ${JSON.stringify(reply.problem)}`)
  return reply.value
}

/** Some of the tunnels, with the addresses that the table has for them. */
async function askedIn(socket: string): Promise<readonly Asked[]> {
  const asked: Asked[] = []
  for (let index = 0; index < CHECKED_NAMES; index++) {
    const name = `${nicnameOfTunnel(index)}.${countryOfTunnel(index)}.${ORIGIN}`
    const { ipv6_client } = (await command(socket, 'tunnel show', { reference: name })) as {
      ipv6_client: string
    }
    asked.push({ name, type: 'AAAA', data: ipv6_client })
  }
  return asked
}

async function halfLoad(questions: string, port: number): Promise<number> {
  const { stdout } = spawnSync(
    'dnsperf',
    ['-s', '127.0.0.1', '-p', String(port), '-d', questions, '-l', '5', '-c', '8', '-T', '1', '-q', '200'],
    { encoding: 'utf8' },
  )
  return Math.round(Number(/Queries per second: +([0-9.]+)/.exec(stdout)?.[1] ?? 0) / 2)
}

/** A load at an even pace; dnsperf waits for the last answers. */
async function runLoad(
  port: number,
  {
    questions,
    rate,
    seconds,
  }: { readonly questions: string; readonly rate: number; readonly seconds: number },
): Promise<Figures> {
  const args = ['-s', '127.0.0.1', '-p', String(port), '-d', questions, '-Q', String(rate)]
  const child = spawn('dnsperf', [...args, '-l', String(seconds), ...LOAD], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await once(child, 'close')
  const count = (what: string) => Number(new RegExp(`Queries ${what}: +([0-9]+)`).exec(output)?.[1])
  return { sent: count('sent'), answered: count('completed'), lost: count('lost') }
}

/** The restarts evenly among the reloads. */
function inTurn({ reloads, restarts }: Turns): readonly ('reload' | 'restart')[] {
  const group = Math.ceil(reloads / Math.max(restarts, 1))
  return Array.from({ length: reloads + restarts }, (_, at) =>
    restarts > 0 && at % (group + 1) === group ? 'restart' : 'reload',
  )
}

function senders(rate: number, heavy: Figures, { udp, tcp }: PacedSender): readonly SenderFigures[] {
  return [
    { name: `dnsperf, ${figure(rate)} a second`, ...heavy, wrong: undefined },
    checked(`checked, UDP, ${CHECKED_A_SECOND} a second`, udp),
    checked('checked, TCP', tcp),
  ]
}

function checked(name: string, { sent, answered, wrong }: PacedSender['udp']): SenderFigures {
  return { name, sent, answered, lost: sent - answered, wrong: wrong.length }
}

try {
  await run(tunnels, { reloads, restarts, seconds })
} finally {
  if (values.work === undefined) rmSync(work, { recursive: true, force: true })
}
