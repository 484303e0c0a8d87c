import { ipv4Bytes, parseIpv4 } from './ipv4.ts'

const GROUP = /^[0-9a-fA-F]{1,4}$/

/**
 * Reads an IPv6 address in any of the forms of RFC 4291 2.2, an embedded dotted quad included, a zone index not.
 * Returns its 16 octets in network order, or undefined where the text is not one.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] ?? '')
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '') : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined
  if (halves.length === 2 && (halves[0] ?? '').includes('.')) return undefined // the quad stands last only
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail])
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const octets: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes('.')) {
      const quad = parseIpv4(group)
      if (quad === undefined) return undefined
      octets.push(...ipv4Bytes(quad))
      continue
    }
    if (!GROUP.test(group)) return undefined
    const value = Number.parseInt(group, 16)
    octets.push(value >> 8, value & 255)
  }
  return octets
}

/** Writes 16 octets in the canonical text form (RFC 5952 4): lower case, the longest run of zeros shortened. */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0))
  const run = longestZeroRun(groups)
  const hex = groups.map(group => group.toString(16))
  if (run.length < 2) return hex.join(':') // RFC 5952 4.2.2: a single zero group is not shortened
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue
    if (i - start > best.length) best = { start, length: i - start }
    start = i + 1
  }
  return best
}
