/** All records of one owner and type (RFC 2181 5): they share a TTL and are answered whole or not at all. */
export interface Rrset {
  /** Uncompressed wire name, case as written in its source. */
  readonly owner: Uint8Array
  readonly type: number
  /** Seconds. */
  readonly ttl: number
  /** Uncompressed wire rdata, one entry a record, no two equal. */
  readonly rdatas: readonly Uint8Array[]
}
