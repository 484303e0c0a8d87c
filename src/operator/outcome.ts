import type { Refusal } from '../lifecycle/refusal.ts'

/** What came of a command: its value, or the problems that stood in the way. */
export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Refusal
