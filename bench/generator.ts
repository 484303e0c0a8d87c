import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cpuSeconds, mainThreadSeconds } from './process-figures.ts'
import type { RunningServer } from './running-server.ts'

/** What dnsperf is told. */
export interface Load {
  readonly questions: string
  readonly seconds: number
  /** The core it is pinned to. */
  readonly core: string
  readonly transport: 'udp' | 'tcp'
  readonly clients: number
  readonly outstanding: number
  /** Questions a second; undefined: as fast as they are answered. */
  readonly rate?: number
}

/** What came of it. */
export interface LoadFigures {
  readonly command: string
  readonly completed: number
  readonly lost: number
  /** Share of NXDOMAIN among the replies. */
  readonly nxdomainShare: number
  /** Replies that are neither NOERROR nor NXDOMAIN. */
  readonly failures: number
  readonly queriesASecond: number
  /** CPU microseconds of the server a query: user and system, all its processes and threads. */
  readonly cpuMicroseconds: number
  /** The same without the server's first thread. */
  readonly answeringMicroseconds: number
  /** CPU seconds of the server's first thread meanwhile. */
  readonly mainSeconds: number
}

/** The load of the field notes: 8 sockets, 200 questions on their way. */
export function udpLoad(questions: string, seconds: number, core: string): Load {
  return { questions, seconds, core, transport: 'udp', clients: 8, outstanding: 200 }
}

/** 8 connections with 100 questions on their way on each. */
export function pipelinedTcpLoad(questions: string, seconds: number, core: string): Load {
  return { questions, seconds, core, transport: 'tcp', clients: 8, outstanding: 800 }
}

/** `dnsperf 2.10.0`. */
export function generatorVersion(): string {
  const { stdout } = spawnSync('dnsperf', ['-h'], { encoding: 'utf8' })
  return `dnsperf ${/Version ([0-9.]+)/.exec(stdout)?.[1] ?? 'of an unknown version'}`
}

/** Loads a server with dnsperf and reads both sides' figures. */
export async function runLoad(server: RunningServer, load: Load): Promise<LoadFigures> {
  const command = commandOf(server.port, load)
  const before = cpuSeconds(server.pid)
  const mainBefore = mainThreadSeconds(server.pid)
  const lines = await linesOf(command, () => undefined)
  const cpu = cpuSeconds(server.pid) - before
  const mainSeconds = mainThreadSeconds(server.pid) - mainBefore
  const completed = numberIn(lines, /Queries completed:\s+([0-9]+)/)
  const noerror = numberIn(lines, /NOERROR ([0-9]+)/)
  const nxdomain = numberIn(lines, /NXDOMAIN ([0-9]+)/)
  return {
    command: command.join(' '),
    completed,
    lost: numberIn(lines, /Queries lost:\s+([0-9]+)/),
    nxdomainShare: nxdomain / completed,
    failures: completed - noerror - nxdomain,
    queriesASecond: numberIn(lines, /Queries per second:\s+([0-9.]+)/),
    cpuMicroseconds: (cpu * 1e6) / completed,
    answeringMicroseconds: ((cpu - mainSeconds) * 1e6) / completed,
    mainSeconds,
  }
}

/** The same with a line for each reply: its latencies in milliseconds. It takes the generator longer: keep it slow. */
export async function runLatencies(server: RunningServer, load: Load): Promise<readonly number[]> {
  const latencies: number[] = []
  await linesOf([...commandOf(server.port, load), '-v'], line => {
    const found = /^> [A-Z]+ \S+ [A-Z]+ ([0-9.]+)$/.exec(line)
    if (found !== null) latencies.push(Number(found[1]) * 1000)
  })
  return latencies
}

function commandOf(port: number, load: Load): readonly string[] {
  const command = ['taskset', '-c', load.core, 'dnsperf', '-s', '127.0.0.1', '-p', String(port)]
  command.push('-d', load.questions, '-l', String(load.seconds), '-c', String(load.clients), '-T', '1')
  command.push('-q', String(load.outstanding))
  if (load.transport === 'tcp') command.push('-m', 'tcp')
  if (load.rate !== undefined) command.push('-Q', String(Math.round(load.rate)))
  return command
}

/** Runs a command; returns its lines but those that `each` takes for itself are shown to it alone while it runs. */
async function linesOf(command: readonly string[], each: (line: string) => void): Promise<string> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const kept: string[] = []
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', text => errors.push(String(text)))
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    each(line)
    if (!line.startsWith('>')) kept.push(line)
  }
  const [status] = await exited
  if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}\n${errors.join('')}`)
  return kept.join('\n')
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
