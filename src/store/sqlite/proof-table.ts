import type { NewKey, ProofReader, UnseenKey } from '../unseen-key.ts'
import type { Database, Statement } from './database.ts'

/** What opens a tunnel beside its key: one SQL statement a method. What writes is to be called inside a transaction. */
export class ProofTable implements ProofReader {
  readonly #unseen: Statement
  readonly #any: Statement
  readonly #linked: Statement
  readonly #keyHash: Statement
  readonly #keep: Statement
  readonly #seen: Statement
  readonly #keepLink: Statement
  readonly #dropLinks: Statement
  readonly #dropShownLink: Statement
  readonly #dropOldKeys: Statement
  readonly #dropOldLinks: Statement
  readonly #given: Statement
  readonly #allGiven: Statement
  readonly #give: Statement
  readonly #heard: Statement

  constructor(database: Database) {
    this.#unseen = database.prepare('SELECT former_hash, until FROM unseen_keys WHERE id = ?')
    this.#any = database.prepare('SELECT 1 FROM unseen_keys LIMIT 1')
    this.#linked = database.prepare(
      `SELECT id FROM recovery_links WHERE token_hash = ?1 AND until >= ?2
       UNION ALL SELECT id FROM unseen_keys WHERE link_hash = ?1 AND until >= ?2`,
    )
    this.#keyHash = database.prepare(
      'SELECT key_hash FROM tunnels WHERE id = ?1 UNION ALL SELECT key_hash FROM dormant WHERE id = ?1',
    )
    this.#keep = database.prepare('INSERT OR REPLACE INTO unseen_keys VALUES (?, ?, ?, ?)')
    this.#seen = database.prepare(
      `DELETE FROM unseen_keys WHERE id = ?1 AND ?2 IN
         (SELECT key_hash FROM tunnels WHERE id = ?1 UNION ALL SELECT key_hash FROM dormant WHERE id = ?1)`,
    )
    this.#keepLink = database.prepare('INSERT INTO recovery_links VALUES (?, ?, ?)')
    this.#dropLinks = database.prepare('DELETE FROM recovery_links WHERE id = ?')
    this.#dropShownLink = database.prepare('UPDATE unseen_keys SET link_hash = NULL WHERE id = ?')
    this.#dropOldKeys = database.prepare('DELETE FROM unseen_keys WHERE until < ?')
    this.#dropOldLinks = database.prepare('DELETE FROM recovery_links WHERE until < ?')
    this.#given = database.prepare('SELECT 1 FROM given_endpoints WHERE id = ?')
    this.#allGiven = database.prepare('SELECT id FROM given_endpoints')
    this.#give = database.prepare('INSERT OR IGNORE INTO given_endpoints VALUES (?)')
    this.#heard = database.prepare('DELETE FROM given_endpoints WHERE id = ?')
  }

  keyHash(id: string): Uint8Array | undefined {
    return octetsIn(this.#keyHash.get(id)?.key_hash)
  }

  unseenKey(id: string): UnseenKey | undefined {
    const row = this.#unseen.get(id)
    if (row === undefined) return undefined
    return { formerHash: octetsIn(row.former_hash), until: Number(row.until) }
  }

  hasUnseenKeys(): boolean {
    return this.#any.get() !== undefined
  }

  linkedTunnel(tokenHash: Uint8Array, now: number): string | undefined {
    const row = this.#linked.get(tokenHash, now)
    return row === undefined ? undefined : String(row.id)
  }

  isEndpointGiven(id: string): boolean {
    return this.#given.get(id) !== undefined
  }

  idsWithGivenEndpoint(): readonly string[] {
    return this.#allGiven.all().map(row => String(row.id))
  }

  /** Notes that a tunnel has been given its endpoint in exchange; that it has another one by now is forgotten by itself. */
  endpointGiven(id: string): void {
    this.#give.run(id)
  }

  /** Notes that a tunnel is heard from its endpoint. */
  heard(id: string): void {
    this.#heard.run(id)
  }

  /** Notes, before it is written, that a tunnel gets a new key; all mailed links are void but the one that was shown. */
  keep(id: string, { now, until, shown }: NewKey): void {
    this.dropOld(now)
    this.#dropLinks.run(id)
    if (shown !== 'key') {
      this.#keep.run(id, null, shown?.linkHash ?? null, until)
      return
    }
    // The one before may have been lost as well: what was shown then is what is shown now, and for no longer.
    const before = this.unseenKey(id)
    if (before?.formerHash !== undefined) this.#keep.run(id, before.formerHash, null, before.until)
    else this.#keep.run(id, this.keyHash(id) ?? null, null, until)
  }

  /** Notes that a key was seen or used; not of one that another has replaced by now. */
  seen(id: string, keyHash: Uint8Array): void {
    this.#seen.run(id, keyHash)
  }

  keepLink(id: string, link: { readonly tokenHash: Uint8Array; readonly until: number }): void {
    this.#keepLink.run(link.tokenHash, id, link.until)
  }

  /** Makes all mailed links void, one that was shown for a key that nobody is known to have seen too. */
  dropLinks(id: string): void {
    this.#dropLinks.run(id)
    this.#dropShownLink.run(id)
  }

  /** Forgets what is over at `now`, in seconds of the steady clock. */
  dropOld(now: number): void {
    this.#dropOldKeys.run(now)
    this.#dropOldLinks.run(now)
  }
}

function octetsIn(column: unknown): Uint8Array | undefined {
  return column instanceof Uint8Array ? column : undefined
}
