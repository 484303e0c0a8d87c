/** The zone and the changes that tests of commits, snapshots and dynamic records share. */
import { TYPE } from '../../src/wire/codes.ts'
import { formatName } from '../../src/wire/name.ts'
import type { Catalog, RrsetChange } from '../../src/zone/catalog.ts'
import type { Rrset } from '../../src/zone/rrset.ts'
import { soaWithSerial } from '../../src/zone/serial.ts'
import { catalogOf, wire } from '../engine/zones.ts'

export const APEX = wire('example.')

/** A served zone with one name below its apex. */
export function smallZone(): Catalog {
  return catalogOf(`example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1`)
}

/** An AAAA whose last octet is `number`. */
export function aaaa(owner: string, number: number): Rrset {
  const address = new Uint8Array(16)
  address[15] = number
  return { owner: wire(owner), type: TYPE.AAAA, ttl: 60, rdatas: [address] }
}

export function put(rrset: Rrset): RrsetChange {
  return { kind: 'put', rrset }
}

export function putDynamic(rrset: Rrset): RrsetChange {
  return { kind: 'put', rrset, dynamic: true }
}

export function remove(owner: string, type: number = TYPE.AAAA): RrsetChange {
  return { kind: 'remove', owner: wire(owner), type }
}

/** Replaces the apex's SOA by one with this serial. */
export function putSerial(catalog: Catalog, serial: number): RrsetChange {
  const soa = catalog.rrset(APEX, TYPE.SOA)
  if (soa === undefined) throw new Error('no SOA')
  return put({ ...soa, rdatas: soa.rdatas.map(rdata => soaWithSerial(rdata, serial)) })
}

/** Owners and types in the order given. */
export function texts(rrsets: readonly { readonly owner: Uint8Array; readonly type: number }[]): string[] {
  return rrsets.map(({ owner, type }) => `${formatName(owner)} ${type}`)
}
