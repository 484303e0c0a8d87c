import { readFile } from 'node:fs/promises'
import { type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'

export type SitAvailability =
  | { readonly kind: 'available' }
  | { readonly kind: 'unavailable'; readonly reason: string }

const CAP_NET_ADMIN = 12n // capabilities(7)
const STATUS_PATH = '/proc/self/status'
/** Addresses for examples (RFC 5737): no tunnel has them, so the trial device is in nobody's way. */
const TRIAL_OUTER = 'remote 192.0.2.254 local 192.0.2.253'

/** Whether this process can make sit devices here: Linux, `ip`, the right, and the kernel's module (tried out). */
export async function sitAvailability(options: {
  readonly devicePrefix: string
  readonly runIp?: RunIp
  readonly platform?: string
  readonly statusPath?: string
}): Promise<SitAvailability> {
  if ((options.platform ?? process.platform) !== 'linux') return unavailable('sit devices need Linux')
  const run = options.runIp ?? runIp
  const version = await run(['-V'])
  if (version.status !== 0) return unavailable(reasonOf(version.stderr))
  if (!(await hasNetAdmin(options.statusPath ?? STATUS_PATH))) return unavailable('CAP_NET_ADMIN is missing')
  return tryDevice(run, `${options.devicePrefix}trial`)
}

/** The kernel loads the module by itself when the first device is asked for. */
async function tryDevice(run: RunIp, device: string): Promise<SitAvailability> {
  await run(['link', 'delete', 'dev', device]) // one that a crash left behind
  const added = await run(['link', 'add', 'name', device, 'type', 'sit', ...TRIAL_OUTER.split(' ')])
  if (added.status !== 0) return unavailable(`the kernel makes no sit device: ${reasonOf(added.stderr)}`)
  await run(['link', 'delete', 'dev', device])
  return { kind: 'available' }
}

async function hasNetAdmin(statusPath: string): Promise<boolean> {
  const status = await readFile(statusPath, 'utf8').catch(() => '')
  const [, effective] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

function unavailable(reason: string): SitAvailability {
  return { kind: 'unavailable', reason }
}
