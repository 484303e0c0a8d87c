import { readFile } from 'node:fs/promises'
import { type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'
import { mayHaveNetAdmin } from '../../kernel/kernel-claim.ts'

export type SitAvailability =
  | { readonly kind: 'available' }
  /** Nobody could make them here: another system, a kernel without them, no right, or nothing installed for it yet. */
  | { readonly kind: 'barred'; readonly reason: string }
  /** Something is amiss that may be mended while we run. */
  | { readonly kind: 'unavailable'; readonly reason: string }

const STATUS_PATH = '/proc/self/status'
const DEVICES_PATH = '/proc/self/net/dev'
/** ip's words for a kind of device that the kernel does not have. */
const UNKNOWN_TO_KERNEL = /Unknown device type|Operation not supported/
const NOT_INSTALLED = /ENOENT/
/** Addresses for examples (RFC 5737): no tunnel has them, so the trial device is in nobody's way. */
const TRIAL_OUTER = 'remote 192.0.2.254 local 192.0.2.253'

/** Whether this process can make sit devices here: Linux, the right, `ip`, and the kernel's module (tried out). */
export async function sitAvailability(options: {
  readonly devicePrefix: string
  readonly runIp?: RunIp
  readonly platform?: string
  readonly statusPath?: string
  readonly devicesPath?: string
}): Promise<SitAvailability> {
  if ((options.platform ?? process.platform) !== 'linux') return barred('sit devices need Linux')
  if (!(await mayHaveNetAdmin(options.statusPath ?? STATUS_PATH))) return barred('CAP_NET_ADMIN is missing')
  const run = options.runIp ?? runIp
  const version = await run(['-V'])
  if (version.status !== 0) {
    const reason = reasonOf(version.stderr)
    const isTrial = NOT_INSTALLED.test(version.stderr) && !(await hasDevice(options))
    return isTrial ? barred(reason) : unavailable(reason)
  }
  return tryDevice(run, `${options.devicePrefix}trial`)
}

/** The kernel loads the module by itself when the first device is asked for. */
async function tryDevice(run: RunIp, device: string): Promise<SitAvailability> {
  await run(['link', 'delete', 'dev', device]) // one that a crash left behind
  const added = await run(['link', 'add', 'name', device, 'type', 'sit', ...TRIAL_OUTER.split(' ')])
  if (added.status !== 0) {
    const reason = `the kernel makes no sit device: ${reasonOf(added.stderr)}`
    return UNKNOWN_TO_KERNEL.test(added.stderr) ? barred(reason) : unavailable(reason)
  }
  await run(['link', 'delete', 'dev', device])
  return { kind: 'available' }
}

/** A process before this one has left a device: whoever took `ip` away since had tunnels. */
async function hasDevice({
  devicePrefix,
  devicesPath = DEVICES_PATH,
}: {
  readonly devicePrefix: string
  readonly devicesPath?: string
}): Promise<boolean> {
  const devices = await readFile(devicesPath, 'utf8').catch(() => '')
  return devices.split('\n').some(line => line.trimStart().startsWith(devicePrefix))
}

function barred(reason: string): SitAvailability {
  return { kind: 'barred', reason }
}

function unavailable(reason: string): SitAvailability {
  return { kind: 'unavailable', reason }
}
