import type { Tunnel } from '../tunnel/tunnel.ts'
import type { InvitationReader } from './invitations.ts'
import { NO_JOURNAL } from './journal.ts'
import { WritesStopped } from './storage-fault.ts'
import type { StorageTrouble } from './storage-troubles.ts'
import type {
  Cursor,
  DeletedReader,
  DormantReader,
  StateCounts,
  TableSlice,
  TunnelReader,
} from './tunnel-reader.ts'
import type { TunnelStore } from './tunnel-store.ts'
import type { ProofReader } from './unseen-key.ts'

/**
 * Stands in for a table that can't be read, so that all that needs no tunnel is served. It knows nothing and says so: a
 * look-up that found nothing would be taken for a tunnel that is gone, and its interface would be removed.
 */
export class AbsentStore implements TunnelStore {
  readonly tunnels: TunnelReader
  readonly invitations: InvitationReader
  readonly troubles: readonly StorageTrouble[]
  readonly journal = NO_JOURNAL
  readonly isAbsent = true
  readonly isMended: NonNullable<TunnelStore['isMended']>
  readonly lostTable = undefined
  readonly walBytes = 0
  readonly capacity = 0
  readonly #reason: string

  /** `reason` is a sentence that names the file and the remedy. */
  constructor(reason: string, isMended: NonNullable<TunnelStore['isMended']>) {
    this.#reason = reason
    this.isMended = isMended
    this.troubles = [{ code: 'storage-fault', reason }]
    this.tunnels = new AbsentTunnels(reason)
    const unknown = () => {
      throw new WritesStopped(reason)
    }
    this.invitations = { byId: unknown, after: unknown, codeMatches: unknown }
  }

  async settle(): Promise<void> {}

  commit(): Promise<never> {
    return Promise.reject(new WritesStopped(this.#reason))
  }

  secret(): undefined {
    return undefined
  }

  keepSecret(): never {
    throw new WritesStopped(this.#reason)
  }

  backUp(): Promise<never> {
    return Promise.reject(new WritesStopped(this.#reason))
  }

  onCommitted(): () => void {
    return () => undefined
  }

  onNotices(): () => void {
    return () => undefined
  }

  onForeignCommit(): () => void {
    return () => undefined
  }

  publishAll(): void {
    // no row is known: the tunnels' zones are claimed as failed, and stay so
  }

  replaceZone(): never {
    throw new WritesStopped(this.#reason)
  }

  noteFault(): void {
    // it is known already
  }

  close(): void {
    // nothing was opened
  }
}

/** Every look-up is a fault; counts, which feed figures alone, are 0. */
class AbsentTunnels implements TunnelReader {
  readonly dormant: DormantReader
  readonly deleted: DeletedReader
  readonly brokenCount = 0
  readonly unofferedCount = 0
  readonly notices = { due: () => [], of: () => [], count: () => 0 }
  readonly proofs: ProofReader
  readonly #reason: string

  constructor(reason: string) {
    this.#reason = reason
    const unknown = () => this.#unknown()
    const none = () => 0
    const rows = { byId: unknown, byName: unknown, after: unknown, endedBy: unknown }
    const looks = { isSuspendedAt: unknown, isInPlaceOf: unknown, hasDevice: unknown }
    const keys = { keyHash: unknown, unseenKey: unknown, hasUnseenKeys: () => false, linkedTunnel: unknown }
    this.proofs = { ...keys, isEndpointGiven: unknown, idsWithGivenEndpoint: () => [] }
    this.deleted = { byId: unknown }
    this.dormant = { ...rows, ...looks, count: none, countSuspended: none }
  }

  byId(): never {
    return this.#unknown()
  }

  byName(): never {
    return this.#unknown()
  }

  byIpv6Client(): never {
    return this.#unknown()
  }

  idByName(): never {
    return this.#unknown()
  }

  idByPublicKey(): never {
    return this.#unknown()
  }

  idByEndpoint(): never {
    return this.#unknown()
  }

  contactOf(): never {
    return this.#unknown()
  }

  noteOf(): never {
    return this.#unknown()
  }

  keyMatches(): never {
    return this.#unknown()
  }

  count(): number {
    return 0
  }

  countByState(): StateCounts {
    return {
      new: 0,
      waiting: 0,
      active: 0,
      unreachable: 0,
      dormant: 0,
      suspended: 0,
      unoffered: 0,
      broken: 0,
    }
  }

  countByCountry(): never {
    return this.#unknown()
  }

  after(): never {
    return this.#unknown()
  }

  slice(_from: Cursor | undefined, _limit: number): TableSlice<Tunnel> {
    return this.#unknown()
  }

  newTunnels(): readonly Tunnel[] {
    return this.#unknown()
  }

  probeTargets(): never {
    return this.#unknown()
  }

  idsOver(): never {
    return this.#unknown()
  }

  waitingIds(): never {
    return this.#unknown()
  }

  idsWaitedOut(): never {
    return this.#unknown()
  }

  brokenRows(): never {
    return this.#unknown()
  }

  brokenById(): never {
    return this.#unknown()
  }

  #unknown(): never {
    throw new WritesStopped(this.#reason)
  }
}
