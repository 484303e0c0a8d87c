import { setTimeout as sleep } from 'node:timers/promises'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import { serialCompare } from '../zone/serial.ts'
import type { AskedType, Consult, Consultation, Reply } from './consult.ts'
import { type Finding, finding } from './finding.ts'
import { type OwnZone, said } from './own-zone.ts'

/** A name of a tunnel, and what the table says that it has. */
export interface Expectation {
  /** Without the final dot. */
  readonly name: string
  readonly type: 'AAAA' | 'PTR'
  readonly text: string
}

export interface ServerCheckOptions {
  readonly consult: Consult
  /** How long a secondary may take to have what is here, in milliseconds. */
  readonly patienceMs: number
  /** Whether the server at an address is meant to give the zone to this machine. */
  readonly mayTransfer: (address: string) => boolean
  /** Those in the zone. */
  readonly expectations: readonly Expectation[]
  /** The serial that our own server has by now. */
  readonly serialNow: () => Promise<number>
}

export interface ServerReport {
  readonly findings: readonly Finding[]
  /** Why the server can't be asked from here, if it can't. */
  readonly cutOff?: string
}

/** How often a secondary that is behind is asked again. */
const PAUSE_MS = 250
const MILLISECONDS = 1000

/** Asks one address of a nameserver all that resolvers will ask of it, for one zone. */
export async function checkServer(
  server: Endpoint,
  own: OwnZone,
  options: ServerCheckOptions,
): Promise<ServerReport> {
  const ask = (type: AskedType, transport: 'udp' | 'tcp', edns: boolean, name = own.name) =>
    options.consult(server, { name, type, transport, edns })
  const params = { server: formatEndpoint(server), zone: own.name }
  const [udp, tcp] = await Promise.all([ask('SOA', 'udp', false), ask('SOA', 'tcp', false)])
  if (udp.kind === 'cut-off') return { findings: [], cutOff: udp.reason }
  if (udp.kind === 'silent' && tcp.kind !== 'reply')
    return { findings: [finding('silent', { ...params, reason: udp.reason })] }
  const reachable = [
    ...(udp.kind === 'silent' ? [finding('no-udp', { ...params, reason: udp.reason })] : []),
    ...(tcp.kind === 'reply' ? [] : [finding('no-tcp', { ...params, reason: tcp.reason })]),
  ]
  const reply = udp.kind === 'reply' ? udp : tcp
  const refusal = reply.kind === 'reply' ? refusalIn(reply, params) : undefined
  if (refusal !== undefined) return { findings: [...reachable, refusal] }
  const transport = udp.kind === 'reply' ? 'udp' : 'tcp'
  const checks = await Promise.all([
    transport === 'udp' ? ednsFindings(await ask('SOA', 'udp', true), params) : [],
    contentFindings((type, name) => ask(type, transport, false, name), own, { ...options, params }),
    tcp.kind === 'reply' && !options.mayTransfer(server.address)
      ? transferFindings(await ask('AXFR', 'tcp', false), params)
      : [],
  ])
  return { findings: [...reachable, ...checks.flat()] }
}

type Params = Readonly<Record<string, string>>

/** A server that does not serve the zone (RFC 8499 calls it lame). */
function refusalIn({ rcode, isAuthoritative, answer }: Reply, params: Params): Finding | undefined {
  if (rcode !== 'NOERROR') return finding('refused', { ...params, rcode })
  return isAuthoritative && answer.length > 0 ? undefined : finding('lame', params)
}

function ednsFindings(reply: Consultation, params: Params): Finding[] {
  if (reply.kind !== 'reply') return [finding('no-edns', { ...params, reason: reply.reason })]
  if (reply.rcode !== 'NOERROR') return [finding('no-edns', { ...params, reason: reply.rcode })]
  return reply.hasOpt ? [] : [finding('no-edns', { ...params, reason: 'its reply has no OPT record' })]
}

/** RFC 5936 2.2: a transfer begins with the SOA. */
function transferFindings(reply: Consultation, params: Params): Finding[] {
  const isGiven = reply.kind === 'reply' && reply.rcode === 'NOERROR' && reply.answer[0]?.type === 'SOA'
  return isGiven ? [finding('open-transfer', params)] : []
}

type Ask = (type: AskedType, name?: string) => Promise<Consultation>

/** What the server says, until it is what is said here or patience ends: a change needs time to get there. */
async function contentFindings(
  ask: Ask,
  own: OwnZone,
  { patienceMs, expectations, serialNow, params }: ServerCheckOptions & { readonly params: Params },
): Promise<readonly Finding[]> {
  for (const began = performance.now(); ; await sleep(PAUSE_MS)) {
    const seconds = String(Math.round((performance.now() - began) / MILLISECONDS))
    const findings = [
      ...(await serialFindings(ask, own, { serialNow, params: { ...params, seconds } })),
      ...(await listFindings(ask, own, params)),
      ...(await Promise.all(expectations.map(one => nameFindings(ask, one, params)))).flat(),
    ]
    if (findings.length === 0 || performance.now() - began >= patienceMs) return findings
  }
}

async function serialFindings(
  ask: Ask,
  own: OwnZone,
  { serialNow, params }: Pick<ServerCheckOptions, 'serialNow'> & { readonly params: Params },
): Promise<Finding[]> {
  const [text = '0'] = said(await ask('SOA'), own.name, 'SOA')
  const serials = { ...params, theirs: text, ours: String(own.serial) }
  switch (serialCompare(Number(text), own.serial)) {
    case 0:
      return []
    case 1: {
      const ours = await serialNow() // the zone may have changed since ours was read
      const isAhead = serialCompare(Number(text), ours) === 1
      return isAhead ? [finding('serial-ahead', { ...serials, ours: String(ours) })] : []
    }
    default:
      return [finding('serial-old', serials)]
  }
}

async function listFindings(ask: Ask, own: OwnZone, params: Params): Promise<Finding[]> {
  const theirs = said(await ask('NS'), own.name, 'NS').sort()
  const ours = [...own.servers.keys()]
  if (theirs.join() === ours.join()) return []
  return [finding('ns-differs', { ...params, theirs: theirs.join(', ') || 'none', ours: ours.join(', ') })]
}

async function nameFindings(ask: Ask, { name, type, text }: Expectation, params: Params): Promise<Finding[]> {
  const theirs = said(await ask(type, name), name, type)
  if (theirs.length === 1 && theirs[0] === text) return []
  return [
    finding('names-differ', { ...params, name, type, ours: text, theirs: theirs.join(', ') || 'nothing' }),
  ]
}
