/**
 * What our own packet filter does to a packet that comes to this machine: the ruleset, as `nft -j list ruleset` prints it
 * (libnftables-json(5)), gone through by hand. A match that can not be judged, such as one of the sender's address, may
 * hold or not: both ways are followed. So 'dropped' is said only where every way ends in a drop.
 */

/** A first packet of somebody who was not heard of before, over IPv4 and not from this machine. */
export interface Packet {
  readonly protocol: 'ipv6' | 'udp'
  /** Of UDP. */
  readonly port?: number
  /** The address of ours that it comes to. */
  readonly to: string
}

/** A chain that drops the packet, whoever sends it: `inet filter input`. */
export interface Dropping {
  readonly chain: string
}

/** Deeper jumps than the kernel takes (NFT_JUMP_STACK_SIZE). */
const MOST_JUMPS = 16
const HOOKS = ['prerouting', 'input']
const FAMILIES = ['ip', 'inet']
const NUMBERS = { ipv6: 41, udp: 17 } as const

type Truth = 'yes' | 'no' | 'maybe'
type Value = Readonly<Record<string, unknown>>
/** Where a way through a chain may end; `end` is behind its last rule. */
type End = 'accept' | 'drop' | 'end' | 'unknown'

interface Chain {
  readonly id: string
  readonly hook: string
  readonly family: string
  readonly policy: string
  readonly rules: (readonly Value[])[]
}

/** The first chain that surely drops the packet; undefined: none does, or not surely. */
export function droppingChain(ruleset: unknown, packet: Packet): Dropping | undefined {
  const chains = chainsOf(ruleset)
  for (const chain of chains.values()) {
    if (!HOOKS.includes(chain.hook) || !FAMILIES.includes(chain.family)) continue
    const ends = new Set([...endsOf(chain, { packet, chains, depth: 0 })].map(end => atEnd(end, chain)))
    if (ends.size === 1 && ends.has('drop')) return { chain: chain.id }
  }
  return undefined
}

function atEnd(end: End, { policy }: Chain): End {
  return end === 'end' ? (policy === 'drop' ? 'drop' : 'accept') : end
}

function chainsOf(ruleset: unknown): ReadonlyMap<string, Chain> {
  const chains = new Map<string, Chain>()
  const objects = isValue(ruleset) && Array.isArray(ruleset.nftables) ? ruleset.nftables.filter(isValue) : []
  for (const { chain } of objects) {
    if (!isValue(chain)) continue
    const { family, table, name, hook = '', policy = 'accept' } = chain
    const id = `${family} ${table} ${name}`
    chains.set(id, { id, hook: String(hook), family: String(family), policy: String(policy), rules: [] })
  }
  for (const { rule } of objects) {
    if (!isValue(rule) || !Array.isArray(rule.expr)) continue
    const { family, table, chain } = rule
    chains.get(`${family} ${table} ${chain}`)?.rules.push(rule.expr.filter(isValue))
  }
  return chains
}

interface Walk {
  readonly packet: Packet
  readonly chains: ReadonlyMap<string, Chain>
  readonly depth: number
}

function endsOf({ id, rules }: Chain, walk: Walk): ReadonlySet<End> {
  const ends = new Set<End>()
  if (walk.depth > MOST_JUMPS) return ends.add('unknown')
  const table = id.split(' ').slice(0, 2).join(' ')
  for (const expressions of rules) {
    const outcome = ruleOutcome(expressions, table, walk)
    for (const end of outcome.ends) ends.add(end)
    if (!outcome.goesOn) return ends
  }
  return ends.add('end')
}

interface RuleOutcome {
  readonly ends: ReadonlySet<End>
  /** May the next rule be come to? */
  readonly goesOn: boolean
}

const PASSED: RuleOutcome = { ends: new Set(), goesOn: true }

function ruleOutcome(expressions: readonly Value[], table: string, walk: Walk): RuleOutcome {
  let truth: Truth = 'yes'
  for (const expression of expressions) {
    const verdict = verdictOf(expression, table, walk)
    if (verdict !== undefined) return truth === 'yes' ? verdict : { ...verdict, goesOn: true }
    const holds = truthOf(expression, walk.packet)
    if (holds === 'no') return PASSED
    if (holds === 'maybe') truth = 'maybe'
  }
  return PASSED
}

/** Of a statement that says what becomes of the packet; undefined: this one does not. */
function verdictOf(expression: Value, table: string, walk: Walk): RuleOutcome | undefined {
  const [kind = ''] = Object.keys(expression)
  switch (kind) {
    case 'accept':
      return { ends: new Set(['accept']), goesOn: false }
    case 'drop':
    case 'reject':
      return { ends: new Set(['drop']), goesOn: false }
    case 'return':
      return { ends: new Set(['end']), goesOn: false }
    case 'jump':
    case 'goto':
      return afterJump(kind, expression[kind], table, walk)
    case 'vmap':
    case 'queue':
    case 'xt': // of iptables: nft does not say what it does
    case 'dnat':
    case 'redirect':
    case 'tproxy':
      return { ends: new Set(['unknown']), goesOn: true }
    default:
      return undefined
  }
}

function afterJump(kind: 'jump' | 'goto', jump: unknown, table: string, walk: Walk): RuleOutcome {
  const target = walk.chains.get(`${table} ${isValue(jump) ? jump.target : ''}`)
  if (target === undefined) return { ends: new Set(['unknown']), goesOn: true }
  const ends = new Set(endsOf(target, { ...walk, depth: walk.depth + 1 }))
  if (kind === 'goto') return { ends, goesOn: false }
  const goesOn = ends.delete('end')
  return { ends, goesOn }
}

/** Statements that only count, mark or log hold always. */
function truthOf(expression: Value, packet: Packet): Truth {
  if ('limit' in expression || 'quota' in expression || 'ct count' in expression) return 'maybe'
  const { match } = expression
  if (match === undefined) return 'yes'
  if (!isValue(match) || !isValue(match.left)) return 'maybe'
  const holds = equality(match.left, match.right, packet)
  if (match.op === '!=') return { yes: 'no', no: 'yes', maybe: 'maybe' }[holds] as Truth
  return match.op === '==' || match.op === 'in' ? holds : 'maybe'
}

/** Is the packet's value of `left` the one on the right, or among those? */
function equality({ meta, payload, ct }: Value, right: unknown, packet: Packet): Truth {
  if (isValue(meta)) return metaEquality(meta.key, right, packet)
  if (isValue(payload)) return payloadEquality(payload, right, packet)
  if (!isValue(ct) || ct.key !== 'state') return 'maybe'
  const states = Array.isArray(right) ? right : [right]
  if (states.includes('new')) return 'yes'
  return states.includes('untracked') || !states.every(isWord) ? 'maybe' : 'no'
}

function metaEquality(key: unknown, right: unknown, packet: Packet): Truth {
  switch (key) {
    case 'l4proto':
      return among(right, isProtocol(packet))
    case 'nfproto':
      return among(right, word => word === 'ipv4')
    case 'protocol':
      return among(right, word => word === 'ip')
    case 'iif':
    case 'iifname':
      return right === 'lo' ? 'no' : 'maybe'
    default:
      return 'maybe'
  }
}

function payloadEquality({ protocol, field }: Value, right: unknown, packet: Packet): Truth {
  if (protocol === 'ip' && field === 'protocol') return among(right, isProtocol(packet))
  if (protocol === 'ip' && field === 'daddr') return among(right, word => word === packet.to)
  if (protocol === 'ip') return 'maybe'
  const isOfUdp = protocol === 'udp' || protocol === 'th'
  if (isOfUdp && packet.protocol === 'udp')
    return field === 'dport' ? among(right, word => word === packet.port) : 'maybe'
  // A rule about another protocol's header holds for that protocol alone; 'th' and '@nh' are for any.
  return protocol === undefined || protocol === 'th' ? 'maybe' : 'no'
}

function isProtocol({ protocol }: Packet): (word: unknown) => boolean {
  return word => word === protocol || word === NUMBERS[protocol]
}

/** Ranges, prefixes and named sets can not be judged. */
function among(right: unknown, isMeant: (word: unknown) => boolean): Truth {
  if (isValue(right) && Array.isArray(right.set)) {
    const truths = right.set.map(one => among(one, isMeant))
    return truths.includes('yes') ? 'yes' : truths.includes('maybe') ? 'maybe' : 'no'
  }
  if (isValue(right) || Array.isArray(right)) return 'maybe'
  if (typeof right === 'string' && right.startsWith('@')) return 'maybe'
  return isMeant(right) ? 'yes' : 'no'
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && !value.startsWith('@')
}

function isValue(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
