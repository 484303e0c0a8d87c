/** What a look through a database's files has found; `unreadable`: nothing can be said of them now. */
export type FileVerdict =
  | { readonly kind: 'sound' }
  | { readonly kind: 'unreadable' | 'damaged'; readonly reason: string }
