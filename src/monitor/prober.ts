/**
 * Sends one ICMPv6 (or ICMP) echo request to each target and waits for the replies. Implementations differ in the
 * tool they drive; all answer the same table of cases.
 */
export interface Prober {
  readonly kind: 'ping' | 'fping'
  /**
   * Targets are canonical IPv4 or IPv6 addresses. Resolves with those that replied within `timeoutMs`; a target that
   * can't be sent to counts as silent. Resolves within a bounded time whatever the tool does; an abort ends the
   * children at once and resolves with what is known by then. Rejects only when the tool itself can't be run at all,
   * so that a broken tool is never taken for a thousand dead tunnels.
   */
  probe(targets: readonly string[], options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<ReadonlySet<string>>
}
