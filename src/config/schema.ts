import { z } from 'zod'
import { TSIG_ALGORITHMS } from '../engine/tsig-key.ts'
import { KIND_NAMES } from '../shared/kind-name.ts'
import { LOG_LEVELS } from '../shared/log-level.ts'
import {
  contactUrl,
  domainName,
  domainNameOrNone,
  duration,
  durationOrNone,
  emailAddressOrNone,
  endpoint,
  endpointHost,
  hostAddress,
  hostAddressOrNone,
  integer,
  ipv4,
  keyName,
  nicnamePattern,
  prefix,
  publicUrl,
  routedPrefix,
  secret,
  smtpUrl,
  transferPeer,
  tunnelPrefix,
  webhookHost,
} from './values.ts'

const MIN_TTL = 0
const MAX_TTL = 2 ** 31 - 1 // RFC 2181 8
const SMALLEST_IPV6_MTU = 1280 // RFC 8200 5
const LARGEST_WIREGUARD_MTU = 1440 // what 1500 octets leave beside headers of IPv4, UDP and WireGuard: 20 + 8 + 32
const LARGEST_SIT_MTU = 1480 // RFC 4213 3.2: what an IPv4 packet of 1500 octets leaves beside its header of 20

const tsigAlgorithms = Object.keys(TSIG_ALGORITHMS) as (keyof typeof TSIG_ALGORITHMS)[]

const tls = z.strictObject({
  listen: z.array(endpoint).default([]),
  /** PEM files, read again at a reload. */
  certificate: z.string().default(''),
  key: z.string().default(''),
})

const dns = z.strictObject({
  listen: z
    .array(endpoint)
    .min(1, { error: 'at least one address:port' })
    .prefault(['127.0.0.1:5300', '[::1]:5300']),
  ttl: integer(MIN_TTL, MAX_TTL).default(60),
  threads: integer(1, 64).default(1),
  nsid: z.string().max(128, { error: 'at most 128 characters' }).default(''),
  allow_transfer: z.array(transferPeer).default([]),
  keys: z.array(z.strictObject({ name: keyName, algorithm: z.enum(tsigAlgorithms), secret })).default([]),
  /** Octets of differences that are kept for secondaries; 0: none. */
  journal_bytes: integer(0, 2 ** 40).default(67_108_864),
  journal_age: duration('400d').prefault('7d'),
  /** Address that NOTIFYs leave from; empty: the system's choice. */
  notify_source: hostAddressOrNone.default(''),
  /** Name of the zone that lists the others (RFC 9432); empty: none does. */
  catalog_zone: domainNameOrNone.default(''),
  secondaries: z.array(z.strictObject({ address: endpoint, key: z.string().optional() })).default([]),
  tls: tls.prefault({}),
  rate_limit: z
    .strictObject({
      responses_per_second: integer(0, 1_000_000).default(0),
      all_per_second: integer(0, 1_000_000).default(0),
      slip: integer(0, 10).default(2),
    })
    .prefault({}),
})

const zones = z.strictObject({
  /** What becomes of a zone that has a record with a mistake. */
  on_error: z.enum(['refuse-zone', 'skip-record']).default('refuse-zone'),
})

const web = z.strictObject({
  listen: endpoint.prefault('127.0.0.1:8080'),
  /** Empty: the address that the web listens on. */
  public_url: publicUrl.default(''),
  /** Whose name has an IPv4 address alone: what update clients are told; empty: public_url. */
  ipv4_url: publicUrl.default(''),
  trusted_proxies: z.array(prefix).default([]),
  registrations_per_hour: integer(0, 1_000_000).default(10),
  /** Whether whoever registers needs a code of `invitation add`. */
  invitations: z.enum(['off', 'required']).default('off'),
  /** Addresses that nobody may register from, or for. */
  blocked_prefixes: z.array(prefix).default([]),
  blocked_nicnames: z.array(nicnamePattern).default([]),
  /** Who may read /metrics. */
  metrics_from: z.array(prefix).prefault(['127.0.0.0/8', '::1/128']),
  connections_per_address: integer(1, 100_000).default(64),
  /** Empty: security.txt names the mailbox of the origin's SOA. */
  security_contact: contactUrl.default(''),
})

const wireguard = z.strictObject({
  port: integer(1, 65_535).default(51_820),
  /** Host or address that the clients are told; empty: server_ipv4. */
  endpoint: endpointHost.default(''),
  mtu: integer(SMALLEST_IPV6_MTU, LARGEST_WIREGUARD_MTU).default(1420),
  program: z.enum(['auto', 'kernel', 'wireguard-go']).default('auto'),
})

const tunnel = z.strictObject({
  /** What is offered; the kind of a registration that names none is `sit`. */
  kinds: z.array(z.enum(KIND_NAMES)).min(1, { error: 'at least one kind' }).default(['sit', 'wireguard']),
  prefix: tunnelPrefix.prefault('2001:db8:f6::/48'),
  routed_prefix: routedPrefix.prefault(''),
  routed_length: integer(48, 64).default(56),
  server_ipv4: ipv4.prefault('192.0.2.1'),
  driver: z.enum(['auto', 'sit', 'dry-run']).default('auto'),
  layout: z.enum(['shared', 'per-tunnel']).default('shared'),
  device_prefix: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,6}$/, { error: 'a letter and up to six letters, digits, - or _' })
    .default('fn6-'),
  mtu: integer(SMALLEST_IPV6_MTU, LARGEST_SIT_MTU).default(1480),
  reachability: z.enum(['require', 'warn', 'off']).default('require'),
  foreign_endpoints: z.boolean().default(false),
  allow_special_purpose: z.boolean().default(false),
  max_tunnels: integer(1, 10_000_000).default(65_000),
  wireguard: wireguard.prefault({}),
})

const monitor = z.strictObject({
  interval: duration('24h').prefault('60s'),
  timeout: duration('24h').prefault('3s'),
  threshold: integer(1, 1_000_000).default(5),
  first_answer: durationOrNone('400d').prefault('24h'),
  keep: durationOrNone('400d').prefault('30d'),
  anchors: z.array(hostAddress).default([]),
  prober: z.enum(['auto', 'icmp', 'ping', 'fping']).default('auto'),
})

const mail = z.strictObject({
  /** Empty: no mail is sent, and no address is asked for. */
  smtp: smtpUrl.default(''),
  from: emailAddressOrNone.default(''),
})

const webhook = z.strictObject({
  /** Hosts that owners may have notices posted to, with a port if it is not 443; none: no URL is asked for. */
  hosts: z.array(webhookHost).default([]),
})

const log = z.strictObject({ level: z.enum(LOG_LEVELS).default('info') })

const control = z.strictObject({ socket: z.string().default('') })

/** `freenet6.toml`: every key, its default and what it allows. */
export const schema = z.strictObject({
  origin: domainName.prefault('freenet6.net'),
  data_dir: z.string().min(1, { error: 'a directory' }).default('data'),
  zones_dir: z.string().min(1, { error: 'a directory' }).default('zones'),
  zones: zones.prefault({}),
  dns: dns.prefault({}),
  web: web.prefault({}),
  tunnel: tunnel.prefault({}),
  monitor: monitor.prefault({}),
  mail: mail.prefault({}),
  webhook: webhook.prefault({}),
  control: control.prefault({}),
  log: log.prefault({}),
})

/** Of these alone depends where a running process is found. */
export const socketPlaces = schema.pick({ data_dir: true, control: true }).strip()
export type SocketPlaces = z.output<typeof socketPlaces>

/** The values of a file, read and each checked for itself. */
export type ConfigValues = z.output<typeof schema>
