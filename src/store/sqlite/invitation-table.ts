import type { Invitation } from '../../tunnel/invitation.ts'
import { matchesHash } from '../../tunnel/tunnel-key.ts'
import type { InvitationWrites } from '../invitations.ts'
import type { Database, Statement } from './database.ts'
import { LAST_SECOND, safeInteger } from './safe-integer.ts'

const COLUMNS = 'id, uses, used, expires, created, note'
const SELECTED = `id, ${['uses', 'used', 'expires', 'created'].map(name => `${safeInteger(name)} AS ${name}`).join(', ')}, note`
/** Compared with where there is no hash: no code has it. */
const NO_HASH = new Uint8Array(32)

/** The rows of `invitations`. */
export class InvitationTable implements InvitationWrites {
  readonly #byId: Statement
  readonly #after: Statement
  readonly #hash: Statement
  readonly #add: Statement
  readonly #use: Statement
  readonly #remove: Statement

  constructor(database: Database) {
    this.#byId = database.prepare(`SELECT ${SELECTED} FROM invitations WHERE id = ?`)
    this.#after = database.prepare(`SELECT ${SELECTED} FROM invitations WHERE id > ? ORDER BY id LIMIT ?`)
    this.#hash = database.prepare('SELECT code_hash FROM invitations WHERE id = ?')
    this.#add = database.prepare(
      `INSERT INTO invitations (${COLUMNS}, code_hash) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    this.#use = database.prepare('UPDATE invitations SET used = used + 1 WHERE id = ? AND used < uses')
    this.#remove = database.prepare('DELETE FROM invitations WHERE id = ?')
  }

  byId(id: string): Invitation | undefined {
    const row = this.#byId.get(id)
    return row && invitationOf(row)
  }

  after(id: string, limit: number): readonly Invitation[] {
    return this.#after.all(id, limit).map(invitationOf)
  }

  codeMatches(id: string, code: string): boolean {
    const stored = this.#hash.get(id)?.code_hash
    return matchesHash(code, stored instanceof Uint8Array ? stored : NO_HASH)
  }

  add({ id, uses, used, expires, created, note }: Invitation, codeHash: Uint8Array): boolean {
    return this.#add.run(id, uses, used, expires ?? null, created, note, codeHash).changes === 1
  }

  use(id: string): boolean {
    return this.#use.run(id).changes === 1
  }

  remove(id: string): boolean {
    return this.#remove.run(id).changes === 1
  }
}

function invitationOf(row: Readonly<Record<string, unknown>>): Invitation {
  return {
    id: String(row.id),
    uses: Number(row.uses),
    used: Number(row.used),
    // Until later than any calendar knows is for ever.
    expires: row.expires === null || Number(row.expires) > LAST_SECOND ? undefined : Number(row.expires),
    created: Math.min(Number(row.created), LAST_SECOND),
    note: String(row.note),
  }
}
