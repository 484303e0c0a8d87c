import type { Endpoint } from '../shared/endpoint.ts'
import type { AskedType, Consult, Consultation } from './consult.ts'
import { isAtOrBelow, textsOf } from './descent.ts'
import { type Finding, finding } from './finding.ts'

/** A zone as our own server gives it, names without the final dot. */
export interface OwnZone {
  readonly name: string
  readonly serial: number
  /** Its servers by name, with the addresses that the zone has for those within it. */
  readonly servers: ReadonlyMap<string, readonly string[]>
}

export type OwnZoneReading =
  | { readonly kind: 'zone'; readonly zone: OwnZone }
  | { readonly kind: 'silent'; readonly finding: Finding }

/** Asks our own server for a zone's serial, its servers, and their addresses. */
export async function readOwnZone(consult: Consult, server: Endpoint, name: string): Promise<OwnZoneReading> {
  const ask = (asked: string, type: AskedType) =>
    consult(server, { name: asked, type, transport: 'tcp', edns: true })
  const [soa, ns] = [await ask(name, 'SOA'), await ask(name, 'NS')]
  const [serial] = said(soa, name, 'SOA')
  const hosts = said(ns, name, 'NS').sort()
  if (serial === undefined || hosts.length === 0) {
    const reason = whyNothing(serial === undefined ? soa : ns)
    return { kind: 'silent', finding: finding('own-silent', { server: server.address, zone: name, reason }) }
  }
  const servers = new Map<string, readonly string[]>()
  for (const host of hosts) {
    const isWithin = isAtOrBelow(host, name)
    const addresses = isWithin
      ? [...said(await ask(host, 'A'), host, 'A'), ...said(await ask(host, 'AAAA'), host, 'AAAA')]
      : []
    servers.set(host, addresses)
  }
  return { kind: 'zone', zone: { name, serial: Number(serial), servers } }
}

/** What a reply says with authority; empty for anything else. */
export function said(reply: Consultation, owner: string, type: AskedType): string[] {
  if (reply.kind !== 'reply' || !reply.isAuthoritative || reply.rcode !== 'NOERROR') return []
  return textsOf(reply.answer, { owner, type })
}

function whyNothing(reply: Consultation): string {
  if (reply.kind !== 'reply') return reply.reason
  if (reply.rcode !== 'NOERROR') return reply.rcode
  return reply.isAuthoritative ? 'there is no such record' : 'the answer is not authoritative'
}
