/** Whether what tunnels send reaches this machine: what can be said of that from here, and what can not. */
import type { Config } from '../config/config.ts'
import { runChild } from '../shared/child.ts'
import { type Finding, finding } from './finding.ts'
import { droppingChain, type Packet } from './packet-filter.ts'

/** Something that nobody can know from here, and how to find out. */
export interface Unknown {
  readonly code: 'sit-unknown' | 'wireguard-unknown'
  readonly what: string
  readonly try: string
}

const DEADLINE_MS = 10_000
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024

/** The rules of this machine's packet filter, without the elements of sets; undefined: they can't be read. */
export async function readRuleset(): Promise<unknown> {
  try {
    const { end, code, stdout } = await runChild('nft', ['-j', '-t', 'list', 'ruleset'], {
      deadlineMs: DEADLINE_MS,
      maxOutputBytes: MOST_OUTPUT_BYTES,
    })
    return end === 'exit' && code === 0 ? JSON.parse(stdout) : undefined
  } catch {
    return undefined // no nft, no right, or no JSON: nothing is said of it
  }
}

interface Traffic {
  readonly kind: 'sit' | 'wireguard'
  readonly name: string
  readonly packet: Packet
  /** What lets it in, as nft has it. */
  readonly rule: string
}

/** What our own packet filter drops of that which the offered kinds of tunnels send. */
export function filterFindings({ tunnel }: Pick<Config, 'tunnel'>, ruleset: unknown): readonly Finding[] {
  return trafficOf(tunnel).flatMap(({ name, packet, rule }) => {
    const dropping = droppingChain(ruleset, packet)
    return dropping === undefined
      ? []
      : [finding('filter-drops', { traffic: name, chain: dropping.chain, rule })]
  })
}

/** Of each kind that no tunnel speaks for: `heard` are those that one does. */
export function unknownReach(
  { tunnel }: Pick<Config, 'tunnel'>,
  heard: ReadonlySet<string>,
): readonly Unknown[] {
  return trafficOf(tunnel)
    .filter(({ kind }) => !heard.has(kind))
    .map(({ kind, name, packet }) => ({
      code: `${kind}-unknown` as const,
      what: `whether ${name} reaches ${packet.to} from elsewhere can not be known from here`,
      try: `here \`tcpdump -ni any ${watchOf(packet)}\`; on another host, as root, \`${sendOf(packet)}\``,
    }))
}

function trafficOf(tunnel: Config['tunnel']): readonly Traffic[] {
  if (tunnel.driver === 'dry-run') return []
  const to = tunnel.server_ipv4
  const { port } = tunnel.wireguard
  const all: readonly Traffic[] = [
    {
      kind: 'sit',
      name: 'protocol 41',
      packet: { protocol: 'ipv6', to },
      rule: 'ip protocol 41 accept',
    },
    {
      kind: 'wireguard',
      name: `UDP port ${port}`,
      packet: { protocol: 'udp', port, to },
      rule: `udp dport ${port} accept`,
    },
  ]
  return all.filter(({ kind }) => tunnel.kinds.includes(kind))
}

function watchOf({ protocol, port }: Packet): string {
  return protocol === 'udp' ? `udp port ${port}` : 'ip proto 41'
}

function sendOf({ protocol, port, to }: Packet): string {
  if (protocol === 'udp') return `echo | nc -u -w1 ${to} ${port}`
  return `python3 -c 'import socket as s; s.socket(s.AF_INET, s.SOCK_RAW, 41).sendto(bytes(40), ("${to}", 0))'`
}
