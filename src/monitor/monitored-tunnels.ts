import type { Reconciliation } from '../tunnel/interface.ts'

/** A tunnel to ask. */
export interface ProbeTarget {
  readonly id: string
  readonly ipv6Client: string
  /** True if its row says that it answered when it was last counted: what a new process knows of the last one. */
  readonly answeredLast?: boolean
}

/** What the monitor needs of the life cycle. Kernel calls wait for each other there. */
export interface MonitoredTunnels {
  bringUpNew(): Promise<{ readonly activated: number; readonly failed: number }>
  probeTargets(): Promise<readonly ProbeTarget[]>
  /** Counts a round. Tunnels that are in neither list are not touched: nobody knows. */
  recordRound(round: {
    readonly answered: readonly string[]
    readonly silent: readonly string[]
  }): Promise<{ readonly removed: number }>
  reconcile(): Promise<Reconciliation>
  /** Brings back the dormant tunnels whose clients were heard since the last call: how many, and of how many. */
  wakeHeard(): Promise<{ readonly listened: number; readonly woken: number }>
  /**
   * Those of these tunnels that have sent something since the last call; unknown: that could be told before, and can't
   * now; uncompared: they have sent something, and no call before asked for them.
   */
  heardSince(
    ids: readonly string[],
  ): Promise<Readonly<Record<'heard' | 'unknown' | 'uncompared', ReadonlySet<string>>>>
  /**
   * Looks at our own end of each of these tunnels, and mends it; those whose end was sound all along `since` a moment by
   * performance.now(), whoever has mended it.
   */
  check(ids: readonly string[], since: number): Promise<ReadonlySet<string>>
}
