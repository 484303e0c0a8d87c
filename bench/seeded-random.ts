/** The same sequence from 0 up to 1 for the same seed (Marsaglia's xorshift32): two runs ask the same questions. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
