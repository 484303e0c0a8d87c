import { networkInterfaces } from 'node:os'
import { addressOctets, prefixContains } from '../address/prefix.ts'
import { reverseApex, reverseApexes } from '../address/reverse-name.ts'
import { type Config, readConfig } from '../config/config.ts'
import { type CommandOptions, EXIT, type ExitCode, UsageMistake } from '../operator/exit.ts'
import { holdingProcess } from '../operator/holding-process.ts'
import { misconfigured } from '../operator/run-command.ts'
import { type Endpoint, parseEndpoint } from '../shared/endpoint.ts'
import { plainName } from './consult.ts'
import { examineDns } from './dns-examination.ts'
import { type Finding, finding } from './finding.ts'
import { checkHost } from './host-check.ts'
import { readHost } from './host-facts.ts'
import { filterFindings, readRuleset, type Unknown, unknownReach } from './reachability.ts'
import { ROOT_SERVERS } from './root-servers.ts'
import { askRunningBroker, type Unasked } from './running-broker.ts'

const DNS_PORT = 53
const TIMEOUT_MS = 2000
/** A secondary that hears of changes has them within a second or two. */
const PATIENCE_MS = 5000
const ANY_PREFIX_LENGTH = 0

/**
 * `doctor`: looks at the delegation from outside in, at every server, and at this machine, and says what is wrong, why it
 * matters and how to mend it. Status 0 if nothing is, 1 for any finding, 2 for a mistake in configuration or command
 * line. `root` is the one root server of a test world; then its port is that of all servers.
 */
export async function doctor(root: string | undefined, options: CommandOptions): Promise<ExitCode> {
  const testRoot = root === undefined ? undefined : parseEndpoint(root)
  if (root !== undefined && testRoot === undefined)
    throw new UsageMistake(`--root takes ADDRESS:PORT, an IPv6 address in brackets, not ${root}`)
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return misconfigured(reading.mistakes, options)
  if (reading.config.demo)
    return misconfigured(['there is no configuration: the demo has no delegation'], options)
  const report = await examine(reading.config, testRoot)
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : textOf(report))
  return report.findings.length === 0 ? EXIT.ok : EXIT.fault
}

interface Report {
  readonly findings: readonly Finding[]
  readonly unknown: readonly Unknown[]
}

async function examine(config: Config, root: Endpoint | undefined): Promise<Report> {
  const holding = () => holdingProcess(config)
  const broker = await askRunningBroker(config.control.socket, holding)
  if (typeof broker === 'string') return { findings: [unasked(broker, config, holding()?.pid)], unknown: [] }
  const { status, differences, interfaces, refusals, expectations, heard } = broker
  const dns = await examineDns({
    zones: tunnelZones(config),
    own: reachable(config.dns.listen),
    roots: root === undefined ? ROOT_SERVERS : [root],
    port: root?.port ?? DNS_PORT,
    expectations,
    mayTransfer: address => mayTransfer(address, config),
    timeoutMs: TIMEOUT_MS,
    patienceMs: PATIENCE_MS,
  })
  const findings = [
    ...dns,
    ...(differences > 0 ? [finding('audit-differs', { differences })] : []),
    ...refusals.map(trouble => finding('own-trouble', { trouble })),
    ...(interfaces > 0 ? [finding('interfaces-differ', { interfaces })] : []),
    ...checkHost(config, status, await readHost(status.process?.pid ?? process.pid)),
    ...filterFindings(config, await readRuleset()),
  ]
  return { findings, unknown: unknownReach(config, heard) }
}

/** What is found where the process that serves can't be asked; `pid` is that of whoever has the database. */
function unasked(broker: Unasked, { control }: Config, pid: number | undefined): Finding {
  const params = { socket: control.socket, pid: pid ?? 'PID' }
  if (broker === 'silent') return finding('process-silent', params)
  return finding(pid === undefined ? 'not-running' : 'socket-gone', params)
}

/** The zones that tunnels live in, without the final dot: each needs a delegation of its own. */
function tunnelZones({ origin, tunnel: { prefix, routed_prefix: routed } }: Config): readonly string[] {
  const reverse = [reverseApex(prefix), ...(routed === undefined ? [] : reverseApexes(routed))]
  return [origin, ...reverse.map(plainName)]
}

/** Where our own server can be asked: a wildcard address is that of loopback too. */
function reachable([first]: Config['dns']['listen']): Endpoint {
  const { address, port } = first ?? { address: '127.0.0.1', port: DNS_PORT }
  if (address === '0.0.0.0') return { address: '127.0.0.1', port }
  return { address: address === '::' ? '::1' : address, port }
}

/** Our own server gives a zone to this machine if it was told to; to be told to give it to everybody is no excuse. */
function mayTransfer(address: string, { dns }: Config): boolean {
  const isOwn = Object.values(networkInterfaces()).some(all => all?.some(one => one.address === address))
  const octets = addressOctets(address)
  if (!isOwn || octets === undefined) return false
  return dns.allow_transfer.some(
    peer => typeof peer !== 'string' && peer.length > ANY_PREFIX_LENGTH && prefixContains(peer, octets),
  )
}

function textOf({ findings, unknown }: Report): string {
  const parts = [
    ...(findings.length === 0 ? ['nothing is wrong\n'] : []),
    ...findings.map(
      ({ severity, code, what, why, mend }) =>
        `${severity} ${code}: ${what}\n  why: ${why}\n  mend: ${mend}\n`,
    ),
    ...unknown.map(one => `unknown ${one.code}: ${one.what}\n  try: ${one.try}\n`),
  ]
  return parts.join('\n')
}
