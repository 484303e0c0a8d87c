import type { Problem } from '../shared/problem.ts'

/** How an owner can be told something. */
export const WAYS = ['email', 'webhook'] as const
export type WayName = (typeof WAYS)[number]

/** One way to an owner. */
export interface Way {
  readonly kind: WayName
  /** The address, or the URL that is posted to. */
  readonly target: string
  /** Whether whoever reads there has said yes; until then nothing goes there but the question. */
  readonly isConfirmed: boolean
}

/** Where the owner of a tunnel is told what becomes of it. */
export interface Contact {
  /** Of the words that are sent; BCP 47. */
  readonly language: string
  /** At least one, of each kind one at most. */
  readonly ways: readonly Way[]
  /** The `since` of the sleep whose near end the owner has been told of. */
  readonly warnedOf?: number
}

/** What an owner wishes, as typed: an empty text takes a way away, and one that is not given leaves it as it is. */
export type ContactWish = { readonly [way in WayName]?: string } & { readonly language: string }

/** What a contact has of a kind; undefined: nothing. */
export function wayOf(contact: Contact | undefined, kind: WayName): Way | undefined {
  return contact?.ways.find(way => way.kind === kind)
}

/** Whether somebody has said yes to being told. */
export function canBeWarned(contact: Contact | undefined): contact is Contact {
  return contact?.ways.some(({ isConfirmed }) => isConfirmed) === true
}

/** Whether two targets of a kind are one: capitals make another URL, but no other mailbox that anybody has. */
export function isSameTarget(kind: WayName, one: string, other: string): boolean {
  return kind === 'email' ? one.toLowerCase() === other.toLowerCase() : one === other
}

/** What becomes of a contact by a wish, or what is wrong with the wish. */
export interface ContactReading {
  readonly problems: readonly Problem[]
  /** Undefined: the owner is told nothing. */
  readonly contact: Contact | undefined
  /** The ways that were given and whose readers are still to say yes. */
  readonly asking: readonly Way[]
}
