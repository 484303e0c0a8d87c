import { z } from 'zod'
import { problemDocument } from './problem-document.ts'
import { fieldLines } from './text-table.ts'

/** A tunnel as the operator sees it, with the field names of the API. */
export const tunnelReport = z.object({
  id: z.string(),
  name: z.string(),
  nicname: z.string(),
  country: z.string(),
  os: z.string(),
  state: z.string(),
  /** Of a row that can be read. */
  kind: z.string().optional(),
  /** Of a client that roams it is the one that it was last heard from; null: none, or an IPv6 address. */
  ipv4_client: z.string().nullable(),
  /** Address and port that a client which roams was last heard from. */
  client_endpoint: z.string().optional(),
  /** Of a row that can be read, as `prefix_length` and `mtu` are. */
  ipv4_server: z.string().optional(),
  ipv6_client: z.string(),
  ipv6_server: z.string(),
  prefix_length: z.int().optional(),
  /** What is routed to it beside its link. */
  routed_prefix: z.string().optional(),
  mtu: z.int().optional(),
  /** What the client's configuration holds beside its private key. */
  wireguard: z
    .object({
      public_key: z.string(),
      server_public_key: z.string(),
      endpoint: z.string(),
      allowed_ips: z.string(),
      address: z.string(),
    })
    .optional(),
  device: z.string(),
  /** UTC seconds. */
  creation_time: z.int(),
  /** How many echo requests in a row, up to the last one, had no reply; −1: its interface is still to be made. */
  unreachable: z.int(),
  /** From the client and to it, since the running process began to count; absent until then. */
  received_octets: z.int().optional(),
  sent_octets: z.int().optional(),
  /** UTC seconds since when it is in its state, if that was noted. */
  state_since: z.int().optional(),
  /** The same, only of one that is dormant or suspended. */
  dormant_since: z.int().optional(),
  /** UTC seconds at which it falls asleep, if it waits, or ends, if it is dormant. */
  until: z.int().optional(),
  /** Why its interface is missing, in the kernel's words. */
  fault: z.string().optional(),
  /** Where its owner is told what becomes of it, and whether whoever reads there has said yes. */
  email: z.string().optional(),
  email_confirmed: z.boolean().optional(),
  webhook: z.string().optional(),
  webhook_confirmed: z.boolean().optional(),
  /** What the operator has noted of it. */
  note: z.string().optional(),
})

export type TunnelReport = z.output<typeof tunnelReport>

/** A tunnel that was made or changed, and what should be known of it although that was done. */
export const warnedReport = tunnelReport.extend({ warnings: problemDocument.shape.errors.optional() })

export type WarnedReport = z.output<typeof warnedReport>

/** Writes a tunnel for a person: a line a field, and one for each warning. */
export function reportLines({ warnings = [], ...report }: WarnedReport): string {
  return `${fieldLines(report)}${warnings.map(({ code, detail }) => `warning: ${code}: ${detail}\n`).join('')}`
}
