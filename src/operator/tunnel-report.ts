import { z } from 'zod'

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
  /** Null for a kind that has no fixed endpoint. */
  ipv4_client: z.string().nullable(),
  ipv6_client: z.string(),
  ipv6_server: z.string(),
  /** What is routed to it beside its link. */
  routed_prefix: z.string().optional(),
  device: z.string(),
  /** UTC seconds. */
  creation_time: z.int(),
  /** The last so many echo requests had no reply; −1: its interface is still to be made. */
  unreachable: z.int(),
  /** From the client and to it, since the running process began to count; absent until then. */
  received_octets: z.int().optional(),
  sent_octets: z.int().optional(),
  /** UTC seconds since when it is dormant or suspended; only of such a one. */
  dormant_since: z.int().optional(),
  /** UTC seconds at which it falls asleep, if it waits, or ends, if it is dormant. */
  until: z.int().optional(),
  /** Why its interface is missing, in the kernel's words. */
  fault: z.string().optional(),
  /** What the operator has noted of it. */
  note: z.string().optional(),
})

export type TunnelReport = z.output<typeof tunnelReport>
