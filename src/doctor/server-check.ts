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
  const ask = async (type: AskedType, transport: 'udp' | 'tcp', edns: boolean, name = own.name) => {
    const question = { name, type, edns }
    const reply = await options.consult(server, { ...question, transport })
    if (transport === 'tcp' || reply.kind !== 'reply' || !reply.isTruncated) return reply
    const whole = await options.consult(server, { ...question, transport: 'tcp' }) // as every resolver does
    return whole.kind === 'reply' ? whole : reply
  }
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
    contentFindings((type, name) => ask(type, transport, false, name), own, {
      ...options,
      params,
      silence: transport === 'udp' ? 'no-udp' : 'no-tcp',
    }),
    tcp.kind === 'reply' && !options.mayTransfer(server.address)
      ? transferFindings(await ask('AXFR', 'tcp', false), params)
      : [],
  ])
  return { findings: [...reachable, ...checks.flat()] }
}

type Params = Readonly<Record<string, string>>

/** A server that does not serve the zone (RFC 8499 calls it lame). */
function refusalIn(
  { rcode, isAuthoritative, isTruncated, answer }: Reply,
  params: Params,
): Finding | undefined {
  if (rcode !== 'NOERROR') return finding('refused', { ...params, rcode })
  return isTruncated || (isAuthoritative && answer.length > 0) ? undefined : finding('lame', params)
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
  {
    patienceMs,
    expectations,
    serialNow,
    params,
    silence,
  }: ServerCheckOptions & { readonly params: Params; readonly silence: Silence },
): Promise<readonly Finding[]> {
  for (const began = performance.now(); ; await sleep(PAUSE_MS)) {
    const seconds = String(Math.round((performance.now() - began) / MILLISECONDS))
    const findings = [
      ...(await serialFindings(ask, own, { serialNow, silence, params: { ...params, seconds } })),
      ...(await listFindings(ask, own, { silence, params })),
      ...(await Promise.all(expectations.map(one => nameFindings(ask, one, { silence, params })))).flat(),
    ]
    if (findings.length === 0 || performance.now() - began >= patienceMs) return withoutRepeats(findings)
  }
}

/** What is found where a question gets no answer at all. */
type Silence = 'no-udp' | 'no-tcp'

interface Words {
  readonly params: Params
  readonly silence: Silence
}

/** What is to be said where a question was not answered: nobody knows then what the server has. */
function unanswered(reply: Consultation, { params, silence }: Words): Finding | undefined {
  if (reply.kind !== 'reply') return finding(silence, { ...params, reason: reply.reason })
  if (reply.isTruncated) return finding('no-tcp', { ...params, reason: 'what it says over UDP is truncated' })
  const isAnswer = reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN'
  return isAnswer ? undefined : finding('refused', { ...params, rcode: reply.rcode })
}

/** One that is silent is so for each question. */
function withoutRepeats(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>()
  return findings.filter(({ what }) => !seen.has(what) && seen.add(what))
}

async function serialFindings(
  ask: Ask,
  own: OwnZone,
  { serialNow, ...words }: Pick<ServerCheckOptions, 'serialNow'> & Words,
): Promise<Finding[]> {
  const reply = await ask('SOA')
  const [text] = said(reply, own.name, 'SOA')
  const { params } = words
  if (text === undefined) return [unanswered(reply, words) ?? finding('lame', params)]
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

async function listFindings(ask: Ask, own: OwnZone, words: Words): Promise<Finding[]> {
  const reply = await ask('NS')
  const wrong = unanswered(reply, words)
  if (wrong !== undefined) return [wrong]
  const { params } = words
  const theirs = said(reply, own.name, 'NS').sort()
  const ours = [...own.servers.keys()]
  if (theirs.join() === ours.join()) return []
  return [finding('ns-differs', { ...params, theirs: theirs.join(', ') || 'none', ours: ours.join(', ') })]
}

async function nameFindings(ask: Ask, { name, type, text }: Expectation, words: Words): Promise<Finding[]> {
  const reply = await ask(type, name)
  const wrong = unanswered(reply, words)
  if (wrong !== undefined) return [wrong]
  const { params } = words
  const theirs = said(reply, name, type)
  if (theirs.length === 1 && theirs[0] === text) return []
  return [
    finding('names-differ', { ...params, name, type, ours: text, theirs: theirs.join(', ') || 'nothing' }),
  ]
}
