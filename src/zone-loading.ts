import { existsSync } from 'node:fs'
import { ipv4Bytes, parseIpv4 } from './address/ipv4.ts'
import { reverseApex } from './address/reverse-name.ts'
import type { Config } from './config/config.ts'
import { countryNodes } from './lifecycle/country-nodes.ts'
import { wireName } from './lifecycle/tunnel-names.ts'
import { COUNTRIES } from './registration/country.ts'
import type { Log } from './shared/log.ts'
import { TYPE } from './wire/codes.ts'
import { formatName, lowerCaseName } from './wire/name.ts'
import { Catalog } from './zone/catalog.ts'
import type { Rrset } from './zone/rrset.ts'
import { type LoadedZone, loadZonesDirectory } from './zone-file/zone-file.ts'

/** A zone that tunnels live in has mistakes: there is nothing to serve. One line a mistake: file, line, column. */
class ZoneLoadFault extends Error {}

/** Timers of an apex that no file gives, in seconds: refresh, retry, expire, minimum. */
const SOA_TIMERS = [3600, 600, 1_209_600, 15] as const
const APEX_TTL = 3600

/**
 * The static zones: every file of zones_dir, and an apex for the tunnels' own zones where no file gives one. A file
 * with mistakes makes its zone answer SERVFAIL and leaves the others alone, unless tunnels live in it.
 */
export function loadCatalog(config: Config, log: Log): Catalog {
  const catalog = new Catalog()
  const needed = [config.origin, reverseApex(config.tunnel.prefix)].map(name => keyOf(wireName(name)))
  const options = { onError: config.zones.on_error }
  const zones = existsSync(config.zones_dir) ? loadZonesDirectory(config.zones_dir, options) : []
  const origin = wireName(config.origin)
  for (const zone of zones) putZone(catalog, zone, { needed, origin, log })
  if (!isServed(catalog, origin)) {
    log.warn(
      { zone: config.origin, zones_dir: config.zones_dir },
      'no zone file gives the apex: a plain SOA, NS and glue are made',
    )
    catalog.putZone(origin, withCountries(origin, plainApex(config)))
  }
  const reverse = wireName(reverseApex(config.tunnel.prefix))
  if (!isServed(catalog, reverse)) catalog.putZone(reverse, apexLike(catalog, origin, reverse))
  return catalog
}

function putZone(
  catalog: Catalog,
  zone: LoadedZone,
  {
    needed,
    origin,
    log,
  }: { readonly needed: readonly string[]; readonly origin: Uint8Array; readonly log: Log },
): void {
  const lines = zone.faults.map(
    ({ file, line, column, severity, message }) => `${file}:${line}:${column}: ${severity}: ${message}`,
  )
  const errors = zone.faults.filter(fault => fault.severity === 'error')
  if (errors.length === 0 && zone.apex !== undefined) {
    for (const [index, { severity }] of zone.faults.entries()) {
      const line = lines[index] ?? ''
      if (severity === 'skipped') log.error({ zone: formatName(zone.apex) }, line)
      else log.warn({ zone: formatName(zone.apex) }, line)
    }
    const holdsTunnels = keyOf(zone.apex) === keyOf(origin)
    catalog.putZone(zone.apex, holdsTunnels ? withCountries(zone.apex, zone.rrsets) : zone.rrsets)
    return
  }
  const apex = zone.apex ?? zone.expectedApex
  if (apex === undefined || needed.includes(keyOf(apex))) throw new ZoneLoadFault(lines.join('\n'))
  for (const line of lines) log.error({ zone: formatName(apex) }, line)
  catalog.putFailedZone(apex)
}

/** The zone that tunnels have their names in, with a name for every country. */
function withCountries(apex: Uint8Array, rrsets: readonly Rrset[]): readonly Rrset[] {
  return [...rrsets, ...countryNodes(apex, rrsets, COUNTRIES)]
}

function isServed(catalog: Catalog, apex: Uint8Array): boolean {
  return catalog.rrset(apex, TYPE.SOA) !== undefined
}

function plainApex(config: Config): readonly Rrset[] {
  const apex = wireName(config.origin)
  const ns1 = wireName(`ns1.${config.origin}`)
  const soa = soaRdata(ns1, wireName(`hostmaster.${config.origin}`))
  return [
    { owner: apex, type: TYPE.SOA, ttl: APEX_TTL, rdatas: [soa] },
    { owner: apex, type: TYPE.NS, ttl: APEX_TTL, rdatas: [ns1] },
    {
      owner: ns1,
      type: TYPE.A,
      ttl: APEX_TTL,
      rdatas: [ipv4Bytes(parseIpv4(config.tunnel.server_ipv4) ?? 0)],
    },
  ]
}

function soaRdata(primary: Uint8Array, mailbox: Uint8Array): Uint8Array {
  const numbers = Buffer.alloc(20)
  for (const [index, value] of [1, ...SOA_TIMERS].entries()) numbers.writeUInt32BE(value, index * 4)
  return Buffer.concat([primary, mailbox, numbers])
}

/** The reverse zone has the servers and timers of the forward zone, whose names are absolute. */
function apexLike(catalog: Catalog, model: Uint8Array, apex: Uint8Array): readonly Rrset[] {
  return [TYPE.SOA, TYPE.NS].flatMap(type => {
    const rrset = catalog.rrset(model, type)
    return rrset === undefined ? [] : [{ ...rrset, owner: apex }]
  })
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(lowerCaseName(name)).toString('latin1')
}
