import { laterSerial } from './later-serial.ts'

const HALF_CIRCLE = 2 ** 31
/** More than changes that are likely since a backup, beyond those that its age stands for. */
const UNSEEN_CHANGES = 2 ** 24
/** More a second than are likely for long. */
const CHANGES_PER_SECOND = 16
/** Of its age: after 48 days, from when on a second counts one. A clock that is wrong makes a backup no older. */
const MOST_BY_AGE = 2 ** 26
/** Where the serials of the database that is replaced are known there is nothing to guess. */
const SEEN_CHANGES = 2 ** 16
/** Of the way to half the circle ahead of the clock, the most that one restore goes. */
const LARGEST_SHARE = 1 / 16

/** UTC seconds: now, and of the last change that a backup knows of. */
export interface RestoreTimes {
  readonly now: number
  readonly knownUntil: number
}

/** A serial later than the one that a backup has, and than the one that the database had which it replaces. */
export function serialAfter(saved: number, seen: number): number {
  return laterSerial((saved + SEEN_CHANGES) >>> 0, (seen + SEEN_CHANGES) >>> 0)
}

/**
 * A serial later than the one that a backup has, and than any that is likely to have been given out since; nobody knows
 * which. The age of the backup is in it: restored once more, it leads to a later serial. No number of restores leads to one
 * that the time, which serials begin with at a start, is later than (RFC 1982 3.2): the nearer that is, the less is jumped.
 */
export function serialAfterLoss(saved: number, { now, knownUntil }: RestoreTimes): number {
  const age = Math.max(0, now - knownUntil)
  const byAge = Math.min(age * CHANGES_PER_SECOND, MOST_BY_AGE + age)
  const ahead = (saved - now) >>> 0
  const room = HALF_CIRCLE - (ahead <= HALF_CIRCLE ? ahead : 0)
  return (saved + Math.min(UNSEEN_CHANGES + byAge, Math.floor(room * LARGEST_SHARE))) >>> 0
}
