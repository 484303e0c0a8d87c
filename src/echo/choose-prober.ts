import type { Prefix } from '../address/prefix.ts'
import { loadLibc } from '../listen/libc.ts'
import { runChild } from '../shared/child.ts'
import { FpingProber } from './fping-prober.ts'
import { IcmpProber } from './icmp-prober.ts'
import { PingProber } from './ping-prober.ts'
import type { Prober } from './prober.ts'

const VERSION_DEADLINE_MS = 2000

/** `prober = "icmp"` was asked for and this process can't do it; the message says why. */
class ProberFault extends Error {}

/**
 * The prober that the configuration asks for, which asks the clients of a pool of tunnels from their links' own ends; 'auto' is the first that works here of icmp, which needs a right, fping,
 * which asks all in one child, and ping. Throws if icmp is asked for and can't be had.
 */
export async function chooseProber(
  kind: Prober['kind'] | 'auto',
  options: { readonly pool?: Prefix } = {},
): Promise<Prober> {
  if (kind === 'ping') return new PingProber()
  if (kind === 'fping') return new FpingProber()
  const icmp = await icmpProber(options.pool)
  if (typeof icmp !== 'string') return icmp
  if (kind === 'icmp') throw new ProberFault(`monitor.prober = "icmp": ${icmp}`)
  return (await isFpingThere()) ? new FpingProber() : new PingProber()
}

/** The prober, or why there is none. */
async function icmpProber(pool: Prefix | undefined): Promise<Prober | string> {
  const libc = await loadLibc()
  if (libc === undefined)
    return 'system calls are out of reach: koffi is not installed, or not for this system'
  const obstacle = IcmpProber.obstacle(libc)
  return obstacle === undefined
    ? new IcmpProber(libc, pool)
    : `raw sockets are refused (${obstacle}): it takes the right CAP_NET_RAW`
}

async function isFpingThere(): Promise<boolean> {
  const outcome = await runChild('fping', ['--version'], { deadlineMs: VERSION_DEADLINE_MS }).catch(
    () => undefined,
  )
  return outcome?.code === 0
}
