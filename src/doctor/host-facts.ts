import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadLibc } from '../listen/libc.ts'
import { childEnvironment } from '../shared/child.ts'

/** What the machine is like, as far as tunnels and transfers hang on it. */
export interface HostFacts {
  /** A bit for each right that a process has now (capabilities(7)); undefined: that can't be read. */
  readonly capabilities: bigint | undefined
  readonly forwardsIpv6: boolean
  readonly hasCommand: (command: string) => boolean
  /** Whether a time service keeps the clock; undefined: that can't be asked. */
  readonly isClockKept: boolean | undefined
}

const FORWARDING = '/proc/sys/net/ipv6/conf/all/forwarding'
const UNSYNCHRONIZED = 5 // TIME_ERROR (adjtimex(2))

/** `pid` is of the process that serves. */
export async function readHost(pid: number): Promise<HostFacts> {
  const clock = (await loadLibc())?.clockState()
  return {
    capabilities: capabilitiesOf(textOf(`/proc/${pid}/status`)),
    forwardsIpv6: textOf(FORWARDING).trim() === '1',
    hasCommand,
    isClockKept: clock === undefined || clock === -1 ? undefined : clock !== UNSYNCHRONIZED,
  }
}

function capabilitiesOf(status: string): bigint | undefined {
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return effective === undefined ? undefined : BigInt(`0x${effective}`)
}

function hasCommand(command: string): boolean {
  const directories = (childEnvironment().PATH ?? '').split(':')
  return directories.some(directory => isExecutable(join(directory, command)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
