import { readdirSync, readFileSync } from 'node:fs'

const TICKS_A_SECOND = 100 // USER_HZ, which Linux shows in /proc whatever it counts in
/** Fields of /proc/PID/stat behind the command, which may hold blanks (proc(5)): ppid is field 4, utime field 14. */
const PPID = 1
const UTIME = 11
const STIME = 12

/** CPU seconds, user and system, that a process and its descendants have used, all threads; the reaped ones too. */
export function cpuSeconds(pid: number): number {
  let ticks = 0
  for (const member of familyOf(pid)) {
    const fields = statFields(member)
    ticks += Number(fields[UTIME] ?? 0) + Number(fields[STIME] ?? 0)
  }
  return ticks / TICKS_A_SECOND
}

/** CPU seconds of a process's first thread alone; in ours it is the one that writes, and answers TCP and the web. */
export function mainThreadSeconds(pid: number): number {
  const fields = statFields(pid, `task/${pid}/stat`)
  return (Number(fields[UTIME] ?? 0) + Number(fields[STIME] ?? 0)) / TICKS_A_SECOND
}

/** Bytes in memory of a process and its descendants; a page that n of them share counts 1/n for each (PSS). */
export function memoryBytes(pid: number): number {
  let bytes = 0
  for (const member of familyOf(pid)) bytes += 1024 * (kilobytes(member, 'smaps_rollup', 'Pss') ?? 0)
  return bytes
}

/** The most that the process alone ever had in memory. */
export function peakBytes(pid: number): number {
  return 1024 * (kilobytes(pid, 'status', 'VmHWM') ?? 0)
}

/** The process and all that descends from it. */
function familyOf(pid: number): readonly number[] {
  const family = [pid]
  const processes = readdirSync('/proc')
    .filter(name => /^[0-9]+$/.test(name))
    .map(name => ({ pid: Number(name), parent: Number(statFields(Number(name))[PPID] ?? 0) }))
  for (const parent of family) {
    for (const child of processes) if (child.parent === parent) family.push(child.pid)
  }
  return family
}

function statFields(pid: number, file = 'stat'): readonly string[] {
  const text = readProcessFile(pid, file)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function kilobytes(pid: number, file: string, key: string): number | undefined {
  const found = new RegExp(`^${key}:\\s+([0-9]+) kB`, 'm').exec(readProcessFile(pid, file))
  return found === null ? undefined : Number(found[1])
}

/** Empty where the process is gone. */
function readProcessFile(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
