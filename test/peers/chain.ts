import { TYPE } from '../../src/wire/codes.ts'
import type { WireRecord, WireReply } from '../wire-reader.ts'

/** The part of an answer's chain of aliases that lies in the zone of the question's name. */
export interface HomePart {
  readonly records: readonly WireRecord[]
  /** The first name outside that zone. */
  readonly exit: Buffer
}

/** Which zone a name is in. Names are in wire form and lower case. */
export class Borders {
  readonly #apexes: ReadonlySet<string>

  constructor(apexes: readonly Buffer[]) {
    this.#apexes = new Set(apexes.map(hex))
  }

  isApex(name: Buffer): boolean {
    return this.#apexes.has(hex(name))
  }

  /** As hex; undefined where the name is in none that is served. DS of a zone are in its parent (RFC 4035 3.1.4.1). */
  zoneOf(name: Buffer, type: number): string | undefined {
    const zones = suffixes(name)
      .map(hex)
      .filter(suffix => this.#apexes.has(suffix))
    const [closest, parent] = zones
    return type === TYPE.DS && closest === hex(name) && parent !== undefined ? parent : closest
  }

  /** The zone that a cut is made in, as hex. */
  zoneAbove(cut: Buffer): string | undefined {
    return this.zoneOf(cut, TYPE.DS)
  }

  /** Follows the aliases of an answer; undefined where they do not lead from the zone of the question to another. */
  homePart({ answer }: WireReply, qname: Buffer, type: number): HomePart | undefined {
    if (type === TYPE.CNAME || type === TYPE.ANY) return undefined
    const home = this.zoneOf(qname, type)
    const records: WireRecord[] = []
    const seen = new Set<string>()
    for (let name = qname; !seen.has(hex(name)); ) {
      seen.add(hex(name))
      const cname = answer.find(({ owner, type }) => type === TYPE.CNAME && owner.equals(name))
      if (cname === undefined) return undefined
      const above = suffixes(name).slice(1).map(hex)
      const isAbove = ({ owner, type }: WireRecord) =>
        type === TYPE.DNAME && above.includes(hex(owner)) && this.zoneOf(owner, type) === home
      records.push(...answer.filter(isAbove), cname)
      const zone = this.zoneOf(cname.rdata, type)
      if (zone === undefined) return undefined
      if (zone !== home) return { records, exit: cname.rdata }
      name = cname.rdata
    }
    return undefined
  }
}

/** knotd follows no more aliases, nsd fewer DNAMEs, named more. */
const MOST_FOLLOWED = 5

/** Does a chain of aliases come back to a name, or go on for longer than each server follows it? */
export function isEndless({ answer }: WireReply, qname: Buffer): boolean {
  const seen = new Set<string>()
  for (let name: Buffer | undefined = qname; name !== undefined; ) {
    if (seen.has(hex(name)) || seen.size > MOST_FOLLOWED) return true
    seen.add(hex(name))
    name = answer.find(({ owner, type }) => type === TYPE.CNAME && owner.equals(name ?? qname))?.rdata
  }
  return false
}

/** The name and all above it, the root last. */
function suffixes(name: Buffer): Buffer[] {
  const all: Buffer[] = []
  for (let at = 0; ; at += 1 + name.readUInt8(at)) {
    all.push(name.subarray(at))
    if (name.readUInt8(at) === 0) return all
  }
}

function hex(name: Buffer): string {
  return name.toString('hex')
}
