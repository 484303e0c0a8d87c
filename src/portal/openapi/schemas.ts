import { z } from 'zod'
import { FINDINGS } from '../../observation/diagnosis.ts'
import { KIND_NAMES } from '../../shared/kind-name.ts'
import { PROBLEMS, type ProblemCode } from '../../shared/problem.ts'
import { SMALLEST_MTU } from '../../tunnel/mtu.ts'

/** Seconds since 1970, UTC. */
const seconds = z.int().min(0)
const key = z.string().regex(/^[0-9a-f]{32}$/)
const id = z.string().regex(/^[a-z0-9]{12}$/)
const ipv4 = z.ipv4()
const ipv6 = z.ipv6()
const states = ['new', 'waiting', 'active', 'unreachable', 'dormant', 'suspended'] as const
const codes = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]
const trouble = z.enum(['refused', 'unreached']).describe('Why nothing is told there')
const echo = z.enum(['answered', 'silent', 'unknown', 'not-asked'])

const described = z.strictObject({
  code: z.enum(codes),
  field: z.string().optional().describe('The field of the request that is wrong'),
  detail: z.string().describe('In the language of Accept-Language'),
})

const wireguard = z
  .strictObject({
    public_key: z.string(),
    server_public_key: z.string(),
    endpoint: z.string(),
    allowed_ips: z.string(),
    address: z.string(),
  })
  .describe('For kind wireguard alone: what stands in the client’s configuration beside its private key')

const tunnel = z.strictObject({
  id,
  name: z.string().describe('nicname.country.origin, without a final dot'),
  state: z.enum(states),
  kind: z.string().optional(),
  ipv4_client: ipv4
    .nullable()
    .describe('For kind wireguard: where the client was last heard from, if that was an IPv4 address'),
  client_endpoint: z
    .string()
    .optional()
    .describe('For kind wireguard alone: address and port that the client was last heard from'),
  ipv4_server: ipv4,
  ipv6_client: ipv6,
  ipv6_server: ipv6,
  prefix_length: z.int(),
  routed_prefix: z.string().optional().describe('What is routed to the tunnel beside its link'),
  mtu: z.int(),
  device: z.string().describe('The interface on the server'),
  creation_time: seconds,
  unreachable: z.int().min(-1).describe('Echoes missed in a row; −1: its interface is still to be made'),
  unreachable_threshold: z
    .int()
    .describe(
      'With more echoes missed than this the server takes the tunnel down: it is dormant then, or gone',
    ),
  received_octets: z
    .int()
    .optional()
    .describe('From the client, since the server began to count; absent until then'),
  sent_octets: z.int().optional().describe('To the client'),
  state_since: seconds
    .optional()
    .describe('Since when the tunnel is in its state; absent of rows whose beginning nobody has noted'),
  dormant_since: seconds.optional().describe('The same, of a dormant or suspended tunnel alone'),
  until: seconds
    .optional()
    .describe(
      'When the state ends by itself: waiting in dormant (or gone), dormant in the end of the tunnel',
    ),
  wireguard: wireguard.optional(),
  email: z.string().optional().describe('Where the owner is told of the tunnel'),
  email_confirmed: z.boolean().optional().describe('Until then nothing but the question is sent there'),
  email_trouble: trouble.optional(),
  webhook: z.string().optional().describe('A URL that the same is posted to'),
  webhook_confirmed: z.boolean().optional(),
  webhook_trouble: trouble.optional(),
  links: z.strictObject({
    self: z.url(),
    script: z.url(),
    page: z.url(),
    router: z.url().optional().describe('What to do with the routed prefix on a router'),
  }),
  warnings: z.array(described).optional(),
})

/** What the API takes and gives, by the name that the document has for it. */
export const SCHEMAS = {
  Registration: z.strictObject({
    ipv4: z.string().optional().describe('The client’s public IPv4 address; not for kind wireguard'),
    nicname: z.string().describe('1 to 63 letters a–z, digits and hyphens'),
    country: z.string().describe('ISO 3166-1 alpha-2, such as ca'),
    os: z.string().describe('The id of the operating system, such as linux'),
    kind: z.enum(KIND_NAMES).optional(),
    public_key: z.string().optional().describe('For kind wireguard'),
    email: z
      .string()
      .optional()
      .describe('Where to tell the owner of the tunnel: a link comes to confirm it'),
    webhook: z.string().optional().describe('The same for a URL that is posted to, such as an ntfy topic'),
    invitation: z
      .string()
      .optional()
      .describe(
        'A code of the operator, where registering asks for one; elsewhere it is not looked at, and not used up',
      ),
    routed_prefix: z.boolean().optional().describe('Whether a prefix is to be routed to the tunnel too'),
    mtu: z
      .int()
      .min(SMALLEST_MTU)
      .optional()
      .describe('Octets of the largest packet, if less than others have'),
  }),
  Change: z.strictObject({
    ipv4: z.string().optional().describe('The new endpoint'),
    public_key: z.string().optional().describe('For kind wireguard: the new public key'),
    email: z.string().optional().describe('An empty text takes the address away'),
    webhook: z.string().optional().describe('An empty text takes the URL away'),
    routed_prefix: z
      .boolean()
      .optional()
      .describe(
        'true: a prefix is to be routed to the tunnel; false: it is given back. Alone in its request',
      ),
    mtu: z
      .int()
      .min(SMALLEST_MTU)
      .nullable()
      .optional()
      .describe('Octets of the largest packet; null: what others have. Alone in its request'),
  }),
  Tunnel: tunnel,
  NewTunnel: z.strictObject({ ...tunnel.shape, key: key.describe('Shown once') }),
  Key: z.strictObject({ key }),
  Recovery: z.strictObject({ id, name: z.string(), key }),
  Diagnosis: z.strictObject({
    finding: z.enum(FINDINGS),
    detail: z.string().describe('What it means and what to do, in the language of Accept-Language'),
    fault: z.string().optional().describe('What the server’s kernel said'),
    seen: z.strictObject({ tunnel: echo, large: echo, endpoint: echo }),
    rtt_ms: z.number().optional(),
  }),
  Health: z.strictObject({
    status: z.enum(['ok', 'unhealthy']),
    reasons: z.array(z.string()).optional(),
  }),
  Problem: z
    .strictObject({
      type: z.url(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: z.enum(codes),
      errors: z.array(described).min(1),
    })
    .describe('RFC 9457. Codes do not change; further ones may come.'),
} as const

export type SchemaName = keyof typeof SCHEMAS
