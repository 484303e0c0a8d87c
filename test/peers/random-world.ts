import { fits, isAtOrBelow, keyOf, type Name } from './labels.ts'
import type { Random } from './random.ts'
import { type Oddity, RandomZone } from './random-zone.ts'

/** Zones that know each other: parents and children, neighbours, an ip6.arpa zone. Worlds share no names. */
export interface World {
  readonly zones: readonly RandomZone[]
  readonly oddity: Oddity
}

const PLAIN_LABELS = ['a', 'b', 'c', '*'] as const
/** Each kind could be taken for another of the same kind, or for several labels. */
const ODD_LABELS: readonly (readonly string[])[] = [
  ['\0', '\x01', '\x02', '\0\0', '\x01\x01', '\x01\x02', '\0a', 'b\0', 'a\0b'],
  ['.', 'a.b', ' ', 'x y', '\\', '"', '(;)', ';', '@', '$'],
  ['*a', 'a*', '**', '_tcp', '-', '0'],
  ['@', '[', '`', '{', '\x7f', '\x80', '\xe9', '\xc9', '\xff\xe9'], // beside the letters, and in other alphabets
  ['L'.repeat(63), 'L'.repeat(62), '\xc0'.repeat(63)],
]
const NIBBLES = [...'0123456789abcdef']
const REVERSE_APEX = ['1', '0', '0', '2', 'ip6', 'arpa'] as const
const OUTSIDE: readonly Name[] = [['elsewhere', 'invalid'], ['a', 'b', 'invalid'], ['test'], ['com']]

export function randomWorld(index: number, random: Random): World {
  const zones: RandomZone[] = []
  const foreign = () => foreignName(zones, random)
  const labels = labelsFor(random)
  const oddity = random.weighted<Oddity>([
    [80, 'none'],
    [5, 'wildcard NS'],
    [15, 'DNAME above another zone'],
  ])
  const plant = (apex: Name, its: readonly string[]) => {
    if (zones.some(zone => keyOf(zone.apex) === keyOf(apex)) || !fits(['ns', ...apex])) return
    zones.push(new RandomZone(apex, { random, labels: its, foreign, neighbours: () => zones, oddity }))
  }

  const parent: Name = [`w${index}`, 'test']
  plant(parent, labels)
  const plain = labels.filter(label => label !== '*') // named takes no zone whose apex is a wildcard
  const below = random.list(random.pick([0, 1, 1, 2]), () => [random.pick(plain), ...parent])
  for (const apex of below) plant(apex, labels)
  for (const apex of below)
    if (random.chance(0.4)) plant([random.pick(plain), random.pick(labels), ...apex], labels)
  if (random.chance(0.5)) plant([`x${index}`, 'test'], labelsFor(random))
  if (random.chance(0.3)) plant([...nibblesOf(index), ...REVERSE_APEX], NIBBLES)

  for (const zone of zones) zone.grow(random.pick([2, 5, 10, 20, 40]))
  for (const zone of zones) delegate(zones, zone, random)
  for (const zone of zones) if (zone.labels === NIBBLES) addReverse(zone, random)
  return { zones, oddity }
}

/** Few labels make many meetings. */
function labelsFor(random: Random): readonly string[] {
  const odd = random.pick(ODD_LABELS)
  return [...PLAIN_LABELS, ...random.list(random.pick([0, 0, 2, 5]), () => random.pick(odd))]
}

function nibblesOf(index: number): Name {
  return [...index.toString(16).padStart(4, '0')].reverse()
}

/** Most children that are served are delegated to by their parent. */
function delegate(zones: readonly RandomZone[], child: RandomZone, random: Random): void {
  for (const parent of zones) {
    if (parent !== child && isAtOrBelow(child.apex, parent.apex) && random.chance(0.7)) parent.cut(child.apex)
  }
}

/** Tunnels' PTRs, whole addresses deep (RFC 3596 2.5). */
function addReverse(zone: RandomZone, random: Random): void {
  const shared = random.list(random.between(10, 20), () => random.pick(NIBBLES))
  for (let i = random.between(1, 12); i > 0; i--) {
    const own = 32 - (zone.apex.length - 2) - shared.length // ip6 and arpa are no nibbles
    const name = [...random.list(Math.max(own, 1), () => random.pick(NIBBLES)), ...shared, ...zone.apex]
    zone.add(name, 'PTR', `h${i}.example.`)
  }
}

function foreignName(zones: readonly RandomZone[], random: Random): Name {
  if (zones.length === 0) return random.pick(OUTSIDE)
  const zone = random.pick(zones)
  return random.weighted<Name>([
    [30, random.pick(OUTSIDE)],
    [20, zone.apex],
    [25, random.pick([zone.apex, ...zone.names()])],
    [25, [random.pick(zone.labels), ...zone.apex]],
  ])
}
