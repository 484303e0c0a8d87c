import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

interface Process {
  readonly pid: number
  readonly parent: number
  readonly name: string
}

/** All that live in this namespace of processes; what has ended and was not waited for is left out. */
function processes(): Process[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => readStat(Number(name)))
}

/** The command lines of a process's children. */
export function childrenOf(parentPid: number): string[] {
  return processes()
    .filter(({ parent }) => parent === parentPid)
    .map(({ pid }) => commandLineOf(pid))
}

/** Processes that are neither this one nor a server of ours: what a broker that has ended left behind. */
export function strays(): number[] {
  return processes()
    .filter(
      ({ pid, parent, name }) => pid !== process.pid && ['ip', 'nft', 'fping'].includes(name) && parent <= 1,
    )
    .map(({ pid }) => pid)
}

/** What each open descriptor of a process is, without the numbers that make sockets and pipes differ. */
export function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap(descriptor => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`).replace(/\d+\]$/, ']')]
    } catch {
      return [] // closed meanwhile
    }
  })
}

function readStat(pid: number): Process[] {
  try {
    const [, name = '', state = '', parent = ''] =
      /^\d+ \((.*)\) (\S) (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return state === 'Z' ? [] : [{ pid, parent: Number(parent), name }]
  } catch {
    return [] // it has ended meanwhile
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return 'one that has ended meanwhile'
  }
}
