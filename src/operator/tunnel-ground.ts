import { formatPrefix, LINK_PREFIX_LENGTH } from '../address/prefix.ts'
import { reverseApex } from '../address/reverse-name.ts'
import type { Config } from '../config/config.ts'
import { wireName } from '../lifecycle/tunnel-names.ts'
import { isCountry } from '../registration/country.ts'
import { TYPE } from '../wire/codes.ts'
import { formatName, lowerCaseName } from '../wire/name.ts'
import { isAtOrBelow, isSameName } from '../wire/wire-name.ts'
import type { Rrset } from '../zone/rrset.ts'
import { soaMinimum } from '../zone/serial.ts'
import type { LoadedZone } from '../zone-file/zone-file.ts'

/** What takes names away from whoever lives below it. */
const OBSTACLES: ReadonlyMap<number, string> = new Map([
  [TYPE.NS, 'NS'],
  [TYPE.DNAME, 'DNAME'],
  [TYPE.CNAME, 'CNAME'],
])
/** Seconds: who looked for a name just before it was registered waits as long. */
const LONG_NEGATIVE_TTL = 300
const NIBBLE_BITS = 4

/** Says what in a zone file stands where tunnels are to have their names; empty for a zone that they do not live in. */
export function groundWarnings({ file, apex, rrsets }: LoadedZone, { origin, tunnel }: Config): string[] {
  if (apex === undefined) return []
  const isForward = isZone(apex, origin)
  if (!isForward && !isZone(apex, reverseApex(tunnel.prefix))) return []
  const depth = (LINK_PREFIX_LENGTH - tunnel.prefix.length) / NIBBLE_BITS
  const obstacles = rrsets.flatMap(rrset => {
    const labels = labelsBelow(rrset.owner, apex)
    const type = OBSTACLES.get(rrset.type)
    if (type === undefined || labels === undefined || (labels.length === 0 && type !== 'DNAME')) return []
    const isInTheWay = isForward ? labels.length === 0 || isCountryNode(labels) : labels.length <= depth
    if (!isInTheWay) return []
    const who = isForward ? whoBelow(labels) : `links of ${formatPrefix(tunnel.prefix)} below it`
    return [`${file}: ${textOf(rrset.owner)} ${type} stands above the names of ${who}: ${EFFECT[type]}`]
  })
  return [...obstacles, ...(isForward ? negativeTtlWarnings(file, rrsets) : [])]
}

const EFFECT: Readonly<Record<string, string>> = {
  NS: 'resolvers are sent to another server for them',
  DNAME: 'resolvers are sent elsewhere for them',
  CNAME: 'some resolvers follow it and do not come to them',
}

function isCountryNode(labels: readonly string[]): boolean {
  const [only = ''] = labels
  return labels.length === 1 && isCountry(only)
}

function whoBelow([country]: readonly string[]): string {
  return country === undefined ? 'all tunnels' : `tunnels in ${country}`
}

/** RFC 2308 5: the lesser of the SOA's TTL and its last number. */
function negativeTtlWarnings(file: string, rrsets: readonly Rrset[]): string[] {
  const soa = rrsets.find(({ type }) => type === TYPE.SOA)
  const [rdata] = soa?.rdatas ?? []
  if (soa === undefined || rdata === undefined) return []
  const seconds = Math.min(soa.ttl, soaMinimum(rdata))
  if (seconds <= LONG_NEGATIVE_TTL) return []
  return [
    `${file}: the negative TTL is ${seconds} s: a tunnel whose name was asked for before it was registered stays unknown as long`,
  ]
}

/** The labels of an owner above an apex, in lower case; undefined: it lies elsewhere. */
function labelsBelow(owner: Uint8Array, apex: Uint8Array): readonly string[] | undefined {
  const [name, top] = [lowerCaseName(owner), lowerCaseName(apex)]
  if (!isAtOrBelow(name, 0, top, 0)) return undefined
  const labels: string[] = []
  for (let at = 0; at < name.length - top.length; at += (name[at] ?? 0) + 1)
    labels.push(Buffer.from(name.subarray(at + 1, at + 1 + (name[at] ?? 0))).toString('latin1'))
  return labels
}

function isZone(apex: Uint8Array, name: string): boolean {
  return isSameName(lowerCaseName(apex), 0, wireName(name), 0)
}

function textOf(name: Uint8Array): string {
  return formatName(lowerCaseName(name))
}
