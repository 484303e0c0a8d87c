import type { SchemaName } from './schemas.ts'

/** What comes back: a value in JSON, a text, or nothing. */
type Reply =
  | { readonly kind: 'json'; readonly schema: SchemaName }
  | { readonly kind: 'text'; readonly type: string }
  | { readonly kind: 'nothing' }

interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header'
  readonly about: string
  readonly values?: readonly string[]
}

export interface Operation {
  readonly id: string
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  /** As OpenAPI writes it, with `{id}`. */
  readonly path: string
  readonly summary: string
  readonly access: 'open' | 'key' | 'key or open'
  readonly takes?: SchemaName
  readonly parameters?: readonly Parameter[]
  readonly status: 200 | 201 | 204
  readonly gives: Reply
  /** Statuses of refusals beside those that come everywhere, each a problem document. */
  readonly refusals: readonly number[]
}

const TUNNEL = '/api/v1/tunnels/{id}'
/** 404: it was just deleted. */
const KEY_REFUSALS = [401, 404, 429, 503]

/** Every door for programs, in the order of a tunnel's life. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: 'register',
    method: 'post',
    path: '/api/v1/tunnels',
    summary: 'Register a tunnel. Its name is answered in DNS when the reply comes.',
    access: 'open',
    takes: 'Registration',
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        about: 'The same key and body give the first reply again, for ten minutes',
      },
    ],
    status: 201,
    gives: { kind: 'json', schema: 'NewTunnel' },
    refusals: [400, 403, 409, 413, 415, 422, 429, 503, 507],
  },
  {
    id: 'show',
    method: 'get',
    path: TUNNEL,
    summary: 'Show a tunnel; a dormant one comes back.',
    access: 'key',
    status: 200,
    gives: { kind: 'json', schema: 'Tunnel' },
    refusals: KEY_REFUSALS,
  },
  {
    id: 'change',
    method: 'patch',
    path: TUNNEL,
    summary:
      'Move a tunnel to another endpoint or public key, ask for a routed prefix or a smaller MTU, or say where to tell its owner.',
    access: 'key',
    takes: 'Change',
    status: 200,
    gives: { kind: 'json', schema: 'Tunnel' },
    refusals: [400, 401, 403, 404, 409, 413, 415, 429, 503, 507],
  },
  {
    id: 'delete',
    method: 'delete',
    path: TUNNEL,
    summary: 'Delete a tunnel: interface, addresses and name are given back.',
    access: 'key',
    status: 204,
    gives: { kind: 'nothing' },
    refusals: [401, 403, 409, 429, 503, 507],
  },
  {
    id: 'script',
    method: 'get',
    path: `${TUNNEL}/script`,
    summary: 'The script that makes the tunnel on the client, or takes it back.',
    access: 'key or open',
    parameters: [
      { name: 'os', in: 'query', about: 'The id of the operating system; the registered one if not given' },
      { name: 'action', in: 'query', about: 'up if not given', values: ['up', 'down'] },
    ],
    status: 200,
    gives: { kind: 'text', type: 'text/plain' },
    refusals: [400, 401, 404, 429, 503],
  },
  {
    id: 'router',
    method: 'get',
    path: `${TUNNEL}/router`,
    summary:
      'What to do with the routed prefix on a router: lines for radvd, dnsmasq, systemd-networkd, OpenWrt.',
    access: 'key or open',
    status: 200,
    gives: { kind: 'text', type: 'text/plain' },
    refusals: [401, 404, 429, 503],
  },
  {
    id: 'diagnosis',
    method: 'get',
    path: `${TUNNEL}/diagnosis`,
    summary: 'Why the tunnel does not work, and what to do about it.',
    access: 'key',
    status: 200,
    gives: { kind: 'json', schema: 'Diagnosis' },
    refusals: KEY_REFUSALS,
  },
  {
    id: 'events',
    method: 'get',
    path: `${TUNNEL}/events`,
    summary: 'Server-sent events: state, when it changes, and echo, for each ping while somebody listens.',
    access: 'key',
    status: 200,
    gives: { kind: 'text', type: 'text/event-stream' },
    refusals: KEY_REFUSALS,
  },
  {
    id: 'renewKey',
    method: 'post',
    path: `${TUNNEL}/key`,
    summary: 'A new key; the old one is void.',
    access: 'key',
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        about: 'With the old key, the same one gives the first reply again, for ten minutes',
      },
    ],
    status: 200,
    gives: { kind: 'json', schema: 'Key' },
    refusals: [400, 401, 403, 404, 429, 503, 507],
  },
  {
    id: 'recover',
    method: 'post',
    path: '/api/v1/recover',
    summary: 'A new key for whoever comes from the tunnel’s own IPv6 address.',
    access: 'open',
    status: 200,
    gives: { kind: 'json', schema: 'Recovery' },
    refusals: [403, 429, 503, 507],
  },
  {
    id: 'ip',
    method: 'get',
    path: '/ip',
    summary: 'The address that you come from.',
    access: 'open',
    status: 200,
    gives: { kind: 'text', type: 'text/plain' },
    refusals: [],
  },
  {
    id: 'health',
    method: 'get',
    path: '/healthz',
    summary: 'Whether the service is well: it asks its own nameserver. 503 says why it is not.',
    access: 'open',
    status: 200,
    gives: { kind: 'json', schema: 'Health' },
    refusals: [],
  },
]
