import type { Endpoint } from '../shared/endpoint.ts'
import { type Consult, consultant } from './consult.ts'
import { checkDelegation } from './delegation-check.ts'
import { Descent, isAtOrBelow } from './descent.ts'
import { type Finding, finding } from './finding.ts'
import { type OwnZone, readOwnZone, said } from './own-zone.ts'
import { checkServer, type Expectation, type ServerCheckOptions } from './server-check.ts'

export interface DnsExaminationOptions {
  /** Apexes of the zones that tunnels live in, without the final dot. */
  readonly zones: readonly string[]
  /** Where our own server is asked. */
  readonly own: Endpoint
  readonly roots: readonly Endpoint[]
  /** Where servers are asked whose address a record gives. */
  readonly port: number
  readonly expectations: readonly Expectation[]
  readonly mayTransfer: ServerCheckOptions['mayTransfer']
  /** How long one question may take. */
  readonly timeoutMs: number
  /** How long a secondary may take to have what is here. */
  readonly patienceMs: number
}

/** Looks at the zones from outside in, as resolvers do: delegation, then every server that it leads to. */
export async function examineDns(options: DnsExaminationOptions): Promise<readonly Finding[]> {
  const consult = consultant(options.timeoutMs)
  const descent = new Descent(consult, options)
  const reports = await Promise.all(
    options.zones.map(zone => examineZone(zone, { ...options, consult, descent })),
  )
  return Array.from(new Map(reports.flat().map(one => [one.what, one])).values()) // one thing is said once
}

type ZoneOptions = DnsExaminationOptions & { readonly consult: Consult; readonly descent: Descent }

async function examineZone(zone: string, options: ZoneOptions): Promise<readonly Finding[]> {
  const reading = await readOwnZone(options.consult, options.own, zone)
  if (reading.kind === 'silent') return [reading.finding]
  const own = reading.zone
  const { findings, addresses } = await checkDelegation(options.descent, own)
  const servers = [...addresses].map(address => ({ address, port: options.port }))
  return [...findings, ...(await examineServers(servers, own, options))]
}

async function examineServers(
  servers: readonly Endpoint[],
  own: OwnZone,
  options: ZoneOptions,
): Promise<readonly Finding[]> {
  const expectations = options.expectations.filter(({ name }) => isAtOrBelow(name, own.name))
  const serialNow = () => serialOf(own, options)
  const reports = await Promise.all(
    servers.map(server => checkServer(server, own, { ...options, expectations, serialNow })),
  )
  const cutOff = new Map(
    reports.flatMap(({ cutOff }, n) => {
      const family = servers[n]?.address.includes(':') ? 'IPv6' : 'IPv4'
      return cutOff === undefined ? [] : [[family, cutOff] as const]
    }),
  )
  return [
    ...[...cutOff].map(([family, reason]) => finding('cut-off', { family, reason })),
    ...reports.flatMap(({ findings }) => findings),
  ]
}

async function serialOf(own: OwnZone, { consult, own: server }: ZoneOptions): Promise<number> {
  const reply = await consult(server, { name: own.name, type: 'SOA', transport: 'tcp', edns: true })
  return Number(said(reply, own.name, 'SOA')[0] ?? own.serial)
}
