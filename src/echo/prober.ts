/**
 * Sends one ICMPv6 (or ICMP) echo request to each target and waits for the replies. Implementations differ in the
 * tool they drive; all answer the same table of cases.
 */
export interface Prober {
  readonly kind: 'ping' | 'fping'
  /**
   * Targets are canonical IPv4 or IPv6 addresses. Resolves with those that replied within `timeoutMs`; a target that
   * can't be sent to counts as silent. Settles within a bounded time whatever the tool does; an abort ends the
   * children at once and resolves with what is known by then. Rejects with ProberFault only when the tool itself
   * can't be run, or nothing that it does makes sense, so that a broken tool is never taken for a thousand dead
   * tunnels.
   */
  probe(targets: readonly string[], options: ProbeOptions): Promise<ReadonlySet<string>>
}

export interface ProbeOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The tool of a prober is missing or broken: nothing is known about any target. */
export class ProberFault extends Error {
  readonly code: 'prober-unstartable' | 'prober-broken'

  constructor(code: 'prober-unstartable' | 'prober-broken', message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProberFault'
    this.code = code
  }
}
