import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Whether a process runs, and not only waits for somebody to ask how it has ended. */
export function isRunning(pid: number): boolean {
  return !/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`) ?? 'State: X')
}

/** How many files and sockets a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** The command lines, in order, of all processes in the network of this one that it and its like have started. */
export function programsBeside(pid: number, except: readonly number[]): readonly string[] {
  const network = networkOf(pid)
  const others = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(one => one !== pid && !except.includes(one) && networkOf(one) === network && isRunning(one))
  return others.map(one => (read(`/proc/${one}/cmdline`) ?? '').replaceAll('\0', ' ').trim()).sort()
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined // it has ended
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
