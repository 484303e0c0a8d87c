/** Gives a value again until it is older than `ageMs`: what costs a walk is not walked for everybody who asks. */
export function cached<T>(ageMs: number, read: () => T): () => T {
  let value: T | undefined
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    if (value === undefined || performance.now() - readAt >= ageMs) {
      value = read()
      readAt = performance.now()
    }
    return value
  }
}
