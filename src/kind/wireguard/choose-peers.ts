import { existsSync } from 'node:fs'
import { ForeignRoutes } from '../../kernel/foreign-routes.ts'
import { type IpOutcome, NOT_RUN, type RunIp, runIp } from '../../kernel/ip-command.ts'
import { mayStand } from '../../kernel/standing-devices.ts'
import { ChildFault, runChild } from '../../shared/child.ts'
import { AwaitedInterfaces, type DriverChoice } from '../../tunnel/awaited-interfaces.ts'
import type { Interfaces } from '../../tunnel/interface.ts'
import type { DriverContext } from '../../tunnel/kind.ts'
import { NoInterfaces } from '../../tunnel/no-interfaces.ts'
import { DryRunPeers } from './dry-run-peers.ts'
import { PROTOCOL } from './peer-routes.ts'
import { type MissingKey, type ServerKey, ServerKeyFault, serverKey } from './server-key.ts'
import { type RunWg, runWg } from './wg-command.ts'
import { type Program, wireguardDevice } from './wireguard-device.ts'
import { WireguardInterfaces } from './wireguard-interfaces.ts'
import { removeFormerInterfaces } from './wireguard-leftovers.ts'

type Choice = { readonly program: Program } | { readonly reason: string }

/** What a machine is looked at with, in place of its own programs. */
interface Tools {
  readonly runIp?: RunIp
  readonly runWg?: RunWg
}

const TUN_DEVICE = '/dev/net/tun'
const VERSION_DEADLINE_MS = 5000
const NOT_TRIED: IpOutcome = { status: 1, stdout: '', stderr: 'not asked for' }

/** The driver that the configuration asks for. Where WireGuard can't be had, one that says so of every tunnel, and tries again. */
export async function choosePeers(context: DriverContext, tools: Tools = {}): Promise<Interfaces> {
  const { devicePrefix, log } = context
  if (context.driver === 'dry-run') return dryRun(context)
  const choice = await chooseInterface(context, tools, 'make')
  if ('driver' in choice) return choice.driver
  const device = wireguardDevice(devicePrefix)
  return new AwaitedInterfaces({
    kind: 'none',
    device,
    reason: choice.reason,
    choose: () => chooseInterface(context, tools, 'read'),
    isAlwaysMissed: false,
    stands: () => mayStand(tools.runIp ?? runIp, name => name === device),
    log,
  })
}

function dryRun({ dataDir, log }: DriverContext): Interfaces {
  const key = keyIn(dataDir, 'make')
  if (!('reason' in key)) return new DryRunPeers({ log })
  log.warn({ reason: key.reason }, 'WireGuard is not offered')
  return new NoInterfaces(key.reason)
}

async function chooseInterface(
  context: DriverContext,
  tools: Tools,
  missingKey: MissingKey,
): Promise<DriverChoice> {
  const key = keyIn(context.dataDir, missingKey)
  if ('reason' in key) return key
  const choice = await chooseProgram(context, { runIp, runWg, ...tools })
  if ('reason' in choice) return choice
  const reason = await context.claimKernel()
  if (reason !== undefined) return { reason }
  const { devicePrefix, prefix, routed, wireguard, log } = context
  const { port, mtu } = wireguard
  const pools = { prefix, routedPrefix: routed?.prefix }
  const { program } = choice
  const own = { device: wireguardDevice(devicePrefix), publicKey: key.publicKey }
  const removeFormer = () =>
    removeFormerInterfaces(own, {
      ...(tools.runIp && { ip: tools.runIp }),
      ...(tools.runWg && { wg: tools.runWg }),
      log,
    })
  const foreign = new ForeignRoutes({ protocol: PROTOCOL, run: tools.runIp ?? runIp, log })
  return {
    driver: new WireguardInterfaces({
      devicePrefix,
      ...pools,
      program,
      key,
      port,
      mtu,
      ...tools,
      removeFormer,
      tellForeign: networks => foreign.tell(networks),
    }),
  }
}

/** A disk that takes no key must not take the other kinds and DNS with it. */
function keyIn(dataDir: string, missing: MissingKey): ServerKey | { readonly reason: string } {
  try {
    return serverKey(dataDir, missing)
  } catch (error) {
    if (!(error instanceof ServerKeyFault)) throw error
    return { reason: error.message }
  }
}

async function chooseProgram(
  { devicePrefix, wireguard: { program } }: DriverContext,
  tools: Required<Tools>,
): Promise<Choice> {
  if (process.platform !== 'linux') return { reason: 'the server’s end of WireGuard needs Linux' }
  const wg = await tools.runWg(['--version'])
  if (wg.kind === 'failed') return { reason: `wireguard-tools: ${wg.reason}` }
  const trial = program === 'wireguard-go' ? NOT_TRIED : await tryKernel(tools.runIp, `${devicePrefix}wgtry`)
  if (trial.status === 0) return { program: 'kernel' }
  const refusal = trial.stderr.trim() || 'no word'
  if (trial.status === NOT_RUN) return { reason: refusal } // the kernel was not asked
  if (program === 'kernel' || refusal.includes('not permitted'))
    return { reason: `the kernel makes no WireGuard interface: ${refusal}` }
  const missing = await wireguardGoTrouble()
  return missing === undefined ? { program: 'wireguard-go' } : { reason: `${missing}; kernel: ${refusal}` }
}

/** The kernel loads the module by itself when the first interface is asked for. */
async function tryKernel(run: RunIp, device: string): Promise<IpOutcome> {
  const outcome = await run(['link', 'add', 'name', device, 'type', 'wireguard'])
  if (outcome.status === 0) await run(['link', 'delete', 'dev', device])
  return outcome
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
