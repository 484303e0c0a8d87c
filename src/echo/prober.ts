/** What a round says of one target. Unknown never counts against anybody. */
export type Verdict =
  | { readonly kind: 'answered'; readonly rttMs: number }
  /** A request left and no reply came in time. */
  | { readonly kind: 'silent' }
  /** Nobody knows: the request did not leave, or the tool did not say. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** A verdict for each target that was asked about; one that is not in it is unknown. */
export type Verdicts = ReadonlyMap<string, Verdict>

/**
 * Sends one ICMPv6 (or ICMP) echo request to each target and waits for the replies. Implementations differ in the
 * tool they drive; all answer the same table of cases.
 */
export interface Prober {
  readonly kind: 'icmp' | 'ping' | 'fping'
  /**
   * Targets are canonical IPv4 or IPv6 addresses, a link-local one with its interface (fe80::1%eth0). Resolves with a
   * verdict for each, within a bounded time whatever a tool does: a tool that is missing, breaks, hangs or leaves
   * targets out makes them unknown, and an abort resolves at once with what is known by then.
   */
  probe(targets: readonly string[], options: ProbeOptions): Promise<Verdicts>
}

export interface ProbeOptions {
  /** How long a reply may take, counted from its own request. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Octets of data in each request, to find out whether large packets pass; few unless given. For single targets. */
  readonly dataOctets?: number
}

export const SILENT: Verdict = { kind: 'silent' }

export function unknown(reason: string): Verdict {
  return { kind: 'unknown', reason }
}

/** The verdict on a target, also where the prober left it out. */
export function verdictOf(verdicts: Verdicts, target: string): Verdict {
  return verdicts.get(target) ?? LEFT_OUT
}

const LEFT_OUT = unknown('nothing was said of it')
