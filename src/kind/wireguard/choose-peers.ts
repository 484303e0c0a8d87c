import { existsSync } from 'node:fs'
import { runIp } from '../../kernel/ip-command.ts'
import { ChildFault, runChild } from '../../shared/child.ts'
import type { Log } from '../../shared/log.ts'
import type { Interfaces } from '../../tunnel/interface.ts'
import type { DriverContext } from '../../tunnel/kind.ts'
import { NoInterfaces } from '../../tunnel/no-interfaces.ts'
import { DryRunPeers } from './dry-run-peers.ts'
import { type ServerKey, ServerKeyFault, serverKey } from './server-key.ts'
import { runWg } from './wg-command.ts'
import type { Program } from './wireguard-device.ts'
import { WireguardInterfaces } from './wireguard-interfaces.ts'

type Choice = { readonly program: Program } | { readonly reason: string }

const TUN_DEVICE = '/dev/net/tun'
const VERSION_DEADLINE_MS = 5000

/** The driver that the configuration asks for. Where WireGuard can't be had, a driver that says so of every tunnel. */
export async function choosePeers(context: DriverContext): Promise<Interfaces> {
  const { log } = context
  const key = keyIn(context)
  if ('reason' in key) return notOffered(key.reason, log)
  if (context.driver === 'dry-run') return new DryRunPeers({ log })
  const choice = await chooseProgram(context)
  if ('reason' in choice) return notOffered(choice.reason, log)
  const { devicePrefix, prefix, wireguard } = context
  const { port, mtu } = wireguard
  return new WireguardInterfaces({ devicePrefix, prefix, program: choice.program, key, port, mtu })
}

function notOffered(reason: string, log: Log): Interfaces {
  log.warn({ reason }, 'WireGuard is not offered')
  return new NoInterfaces(reason)
}

/** A disk that takes no key must not take the other kinds and DNS with it. */
function keyIn({ dataDir }: DriverContext): ServerKey | { readonly reason: string } {
  try {
    return serverKey(dataDir)
  } catch (error) {
    if (!(error instanceof ServerKeyFault)) throw error
    return { reason: error.message }
  }
}

async function chooseProgram({ devicePrefix, wireguard: { program } }: DriverContext): Promise<Choice> {
  if (process.platform !== 'linux') return { reason: 'the server’s end of WireGuard needs Linux' }
  const wg = await runWg(['--version'])
  if (wg.kind === 'failed') return { reason: `wireguard-tools: ${wg.reason}` }
  const refusal = program === 'wireguard-go' ? 'not asked for' : await kernelRefusal(`${devicePrefix}wgtry`)
  if (refusal === undefined) return { program: 'kernel' }
  if (program === 'kernel' || refusal.includes('not permitted'))
    return { reason: `the kernel makes no WireGuard interface: ${refusal}` }
  const missing = await wireguardGoTrouble()
  return missing === undefined ? { program: 'wireguard-go' } : { reason: `${missing}; kernel: ${refusal}` }
}

/** The kernel loads the module by itself when the first interface is asked for. */
async function kernelRefusal(device: string): Promise<string | undefined> {
  const { status, stderr } = await runIp(['link', 'add', 'name', device, 'type', 'wireguard'])
  if (status !== 0) return stderr.trim() || 'no word'
  await runIp(['link', 'delete', 'dev', device])
  return undefined
}

async function wireguardGoTrouble(): Promise<string | undefined> {
  if (!existsSync(TUN_DEVICE)) return `${TUN_DEVICE} is missing`
  try {
    await runChild('wireguard-go', ['--version'], { deadlineMs: VERSION_DEADLINE_MS })
    return undefined
  } catch (error) {
    if (!(error instanceof ChildFault)) throw error
    return error.message
  }
}
