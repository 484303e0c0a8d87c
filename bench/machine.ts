import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

/** What a run took place on, one fact a line. */
export interface Machine {
  readonly facts: readonly string[]
}

const GIGABYTE = 2 ** 30
const PAGE = 4096
const SYNCS = 100

/** To be asked before anything is started: the load is that of others. `work` is where databases and zones lie. */
export function describeMachine(work: string): Machine {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = Math.round(totalmem() / GIGABYTE)
  return {
    facts: [
      `${availableParallelism()} cores of ${model}, ${memory} GB of memory`,
      `${distribution()}, Linux ${release()}, Node ${process.version}`,
      `databases on ${fileSystem(work)}; a write of 4 KB is on disk after ${syncMilliseconds(work).toFixed(2)} ms (median)`,
      `load of other programs at the start: ${(loadavg()[0] ?? 0).toFixed(2)}`,
    ],
  }
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux'
  } catch {
    return 'Linux'
  }
}

function fileSystem(directory: string): string {
  const lines = execFileSync('df', ['--output=fstype', directory], { encoding: 'utf8' }).trim().split('\n')
  return lines.at(-1) ?? 'an unknown file system'
}

/** What a durable commit waits for at the least. */
function syncMilliseconds(directory: string): number {
  const file = join(directory, 'sync')
  const descriptor = openSync(file, 'w')
  const page = Buffer.alloc(PAGE)
  const times = Array.from({ length: SYNCS }, () => {
    writeSync(descriptor, page)
    const started = performance.now()
    fdatasyncSync(descriptor)
    return performance.now() - started
  })
  closeSync(descriptor)
  rmSync(file)
  return median(times)
}
