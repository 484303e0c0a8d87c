import type { Invitation } from '../tunnel/invitation.ts'

/** Look-ups of invitations. */
export interface InvitationReader {
  byId(id: string): Invitation | undefined
  /** At most `limit` invitations with ids after `id`, in order of id. */
  after(id: string, limit: number): readonly Invitation[]
  /** Whether the code is that of the invitation; takes as long for an id that does not exist. */
  codeMatches(id: string, code: string): boolean
}

/** Invitations within a transaction. */
export interface InvitationWrites extends InvitationReader {
  /** False: the id is taken. */
  add(invitation: Invitation, codeHash: Uint8Array): boolean
  /** Counts one more use; false: there is none left, or no such invitation. */
  use(id: string): boolean
  /** False: there is none. */
  remove(id: string): boolean
}
