/**
 * What a process and its successor say to each other, over the channel that Node opens between parent and child:
 *
 *     predecessor                                     successor
 *     opens a child, its sockets passed ────────────▶ reads configuration and zone files, looks at the sockets
 *     holds what that would serve       ◀── prepared
 *     against what it serves itself
 *     ends what writes, closes the table
 *     answers from memory               released ──▶  loads the table
 *     answers no more                   ◀── answering answers on the same sockets
 *                                       silent ────▶  web, commands, monitor
 *     tells the service manager         ◀── serving
 *     answers those who are connected   yours ─────▶  on its own
 *
 * At any step the successor may say `failed`, or end, or be silent for too long: the predecessor then goes on.
 */
import { z } from 'zod'

const coming = z.object({
  /** Where its table lies. */
  dataDir: z.string(),
  /** How much of that it could use; not there: it could not tell. */
  fit: z.object({ rows: z.int(), unusable: z.int(), why: z.string() }).optional(),
  /** Where zone files would be, if no such directory is there. */
  missingZonesDir: z.string().optional(),
})
/** What a successor would serve, as far as it has looked. */
export type Coming = Readonly<z.output<typeof coming>>

export const successorMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('prepared'), coming: coming.optional().catch(undefined) }),
  z.object({ kind: z.enum(['answering', 'serving']) }),
  z.object({ kind: z.literal('failed'), reasons: z.array(z.string()) }),
])
export type SuccessorMessage = z.output<typeof successorMessage>
export type SuccessorStep = Exclude<SuccessorMessage['kind'], 'failed'>

const memory = z.object({
  /** Secrets of DNS cookies, in base64. */
  cookies: z.array(z.string()),
  /** What the web remembers of visitors. */
  web: z.unknown(),
  /** Whether it has the tunnels, which a table that can't be read would take away. */
  hasTable: z.boolean().default(true),
})
/** What a process remembers beside the table, and its successor is given. */
export type Memory = Readonly<z.output<typeof memory>>

export const predecessorMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('released'), memory: memory.optional().catch(undefined) }),
  z.object({ kind: z.enum(['silent', 'yours']) }),
])
export type PredecessorMessage = z.output<typeof predecessorMessage>

/** The variable by which a child knows that it is a successor: the sockets it was passed, as JSON. */
export const SOCKETS_VARIABLE = 'FREENET6_PASSED_SOCKETS'

export const passedSockets = z.array(
  z.object({
    fd: z.int(),
    role: z.enum(['udp', 'tcp', 'tls', 'web', 'stream']),
    asked: z.string().optional(),
    name: z.string(),
  }),
)
