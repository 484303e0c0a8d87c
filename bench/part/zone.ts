import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '../contender.ts'
import type { Cores } from '../cores.ts'
import type { PeerName } from '../options.ts'
import { memoryBytes, peakBytes } from '../process-figures.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { serveCommand } from '../serve-command.ts'
import type { StaticZone } from '../static-zone.ts'
import { configText } from '../table.ts'

/** A large static zone: how long it takes to check, and to start with. */
export interface ZoneFigures {
  readonly records: number
  readonly checks: readonly ZoneCheck[]
  readonly startSeconds: number
  /** Of our server after the start, bytes. */
  readonly memory: number
  readonly peak: number
}

interface ZoneCheck {
  readonly program: string
  readonly seconds: number
}

interface Checker {
  readonly program: string
  readonly args: (zone: StaticZone) => readonly string[]
}

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
const CHECK_TIMEOUT_MS = 300_000
const PEERS: Partial<Record<PeerName, Checker>> = {
  nsd: { program: 'nsd-checkzone', args: ({ name, file }) => [name, file] },
  knot: { program: 'kzonecheck', args: ({ name, file }) => ['-o', name, file] },
  bind: { program: 'named-checkzone', args: ({ name, file }) => ['-q', name, file] },
}

/** The programs take turns on the server's core; then ours starts with the zone beside that of its tunnels. */
export async function measureZone(
  zone: StaticZone,
  { peers, cores }: { readonly peers: ReadonlySet<PeerName>; readonly cores: Cores },
): Promise<ZoneFigures> {
  const checks = [
    { program: 'freenet6 check-zone', command: [process.execPath, CLI, 'check-zone', zone.file] },
    ...[...peers].flatMap(peer => peerCommand(PEERS[peer], zone)),
  ]
  const timed: ZoneCheck[] = []
  for (const { program, command } of checks)
    timed.push({ program, seconds: await secondsOf(command, cores.server) })
  await using server = await startWith(zone, cores.server)
  return {
    records: zone.records,
    checks: timed,
    startSeconds: server.startMs / 1000,
    memory: memoryBytes(server.pid),
    peak: peakBytes(server.pid),
  }
}

function peerCommand(checker: Checker | undefined, zone: StaticZone) {
  const program = checker === undefined ? undefined : findProgram(checker.program)
  if (checker === undefined || program === undefined) return []
  return [{ program: checker.program, command: [program, ...checker.args(zone)] }]
}

/** Rejects where the program finds a mistake. */
async function secondsOf(command: readonly string[], core: string): Promise<number> {
  const started = performance.now()
  await promisify(execFile)('taskset', ['-c', core, ...command], { timeout: CHECK_TIMEOUT_MS })
  return (performance.now() - started) / 1000
}

async function startWith({ directory, question }: StaticZone, cores: string): Promise<RunningServer> {
  const port = await freePort()
  const config = join(directory, 'freenet6.toml')
  writeFileSync(config, configText({ port, threads: 1, zones: directory }))
  const command = serveCommand(config, 'error')
  return RunningServer.launch({ command, directory, cores, port, question })
}
