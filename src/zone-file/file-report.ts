import { TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import { soaSerial } from '../zone/serial.ts'
import { faultLine, type ZoneFault } from './zone-fault.ts'
import { type FileOptions, loadZoneFile } from './zone-file.ts'

/** What `check-zone` found out about a file. The zone is fit to serve when no fault is an error. */
interface ZoneCheck {
  readonly faults: readonly ZoneFault[]
  readonly records: number
  /** As text with the final dot; undefined if there is no SOA. */
  readonly apex: string | undefined
  readonly serial: number | undefined
  /** Why nothing of the file could be read, in words; undefined: it was read. */
  readonly unreadable: string | undefined
  /** The same for a person: a line for each fault, then one on the whole. */
  readonly lines: readonly string[]
}

/** Reads a zone file as the server would and says what is wrong with it. */
export function checkZoneFile(path: string, options: FileOptions = {}): ZoneCheck {
  const zone = loadZoneFile(path, options)
  const soa = zone.rrsets.find(rrset => rrset.type === TYPE.SOA)?.rdatas[0]
  const found = {
    faults: zone.faults,
    records: zone.rrsets.reduce((sum, { rdatas }) => sum + rdatas.length, 0),
    apex: zone.apex === undefined ? undefined : formatName(zone.apex),
    serial: soa === undefined ? undefined : soaSerial(soa),
  }
  const lines = [...zone.faults.map(faultLine), summary(path, found)]
  return { ...found, unreadable: zone.unreadable, lines }
}

function summary(
  path: string,
  { faults, records, apex, serial }: Omit<ZoneCheck, 'lines' | 'unreadable'>,
): string {
  const number = (severity: ZoneFault['severity']) =>
    faults.filter(fault => fault.severity === severity).length
  const skipped = number('skipped')
  const counts = [
    counted(records, 'record'),
    ...(skipped === 0 ? [] : [`${skipped} left out`]),
    counted(number('error'), 'error'),
    counted(number('warning'), 'warning'),
  ].join(', ')
  return `${path}: ${apex === undefined ? 'no SOA' : `zone ${apex} serial ${serial}`}, ${counts}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
