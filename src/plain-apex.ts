import { ipv4Bytes, parseIpv4 } from './address/ipv4.ts'
import type { Config } from './config/config.ts'
import { wireName } from './lifecycle/tunnel-names.ts'
import { TYPE } from './wire/codes.ts'
import type { Catalog } from './zone/catalog.ts'
import type { Rrset } from './zone/rrset.ts'

/** Timers of an apex that no file gives, in seconds: refresh, retry, expire, minimum. */
const SOA_TIMERS = [3600, 600, 1_209_600, 15] as const
const APEX_TTL = 3600

/** An apex for a forward zone that no file gives: SOA, NS and glue. */
export function plainApex(config: Config): readonly Rrset[] {
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
export function apexLike(catalog: Catalog, model: Uint8Array, apex: Uint8Array): readonly Rrset[] {
  return [TYPE.SOA, TYPE.NS].flatMap(type => {
    const rrset = catalog.rrset(model, type)
    return rrset === undefined ? [] : [{ ...rrset, owner: apex }]
  })
}
