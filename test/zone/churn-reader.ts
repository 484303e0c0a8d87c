/**
 * Reads the table in a thread of its own while another one writes it: looks names up as fast as it can, and tells of
 * each answer that does not agree with itself.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { TYPE } from '../../src/wire/codes.ts'
import { parseName } from '../../src/wire/name.ts'
import { octet, uint16, uint32 } from '../../src/wire/octets.ts'
import { Lookup, OUTCOME } from '../../src/zone/lookup.ts'
import { firstRdata, rrsetRecords } from '../../src/zone/owner-entry.ts'
import { ReaderSlot } from '../../src/zone/reader-slot.ts'

export interface ChurnReaderOrders {
  readonly buffer: SharedArrayBuffer
  readonly reader: number
  readonly names: number
  /** Word 0: not 0 is stop. */
  readonly control: SharedArrayBuffer
}

const { buffer, reader, names, control } = workerData as ChurnReaderOrders
const stop = new Int32Array(control)
const slot = new ReaderSlot(buffer, reader)
const lookup = new Lookup(buffer)
const wire = (text: string) => parseName(text) ?? assertNever(text)
const owners = Array.from({ length: names }, (_, i) => wire(`h${i}.example.`))
const soa = wire('example.')
let looked = 0
let found = 0
const torn: string[] = []

for (let i = 0; Atomics.load(stop, 0) === 0 && torn.length < 10; i++) {
  slot.enter()
  lookup.reader.refresh()
  look(owners[i % names] ?? soa)
  slot.leave()
}
parentPort?.postMessage({ looked, found, torn })

/** All four addresses of a name carry one number, and the SOA of the same version is not older than it. */
function look(owner: Uint8Array): void {
  looked++
  const outcome = lookup.step(owner, 0, TYPE.AAAA)
  if (outcome !== OUTCOME.ANSWER) {
    if (outcome !== OUTCOME.NXDOMAIN) torn.push(`outcome ${outcome}`)
    return
  }
  found++
  const { octets } = lookup.reader
  const records = rrsetRecords(octets, lookup.rrset)
  let at = firstRdata(lookup.rrset)
  const first = uint32(octets, at + 2)
  for (let left = records; left > 0; left--) {
    if (uint16(octets, at) !== 16 || uint32(octets, at + 2) !== first || octet(octets, at + 17) !== 1)
      torn.push(`a record of ${uint32(octets, at + 2)} in an rrset of ${first}`)
    at += 18
  }
  if (records !== 4) torn.push(`${records} records`)
  if (lookup.step(soa, 0, TYPE.SOA) !== OUTCOME.ANSWER) torn.push('no SOA')
  const rdata = firstRdata(lookup.rrset)
  const serial = uint32(lookup.reader.octets, rdata + 2 + uint16(lookup.reader.octets, rdata) - 20)
  if (serial < first) torn.push(`serial ${serial} beside number ${first}`)
}

function assertNever(text: string): never {
  throw new Error(`${text} is no name`)
}
