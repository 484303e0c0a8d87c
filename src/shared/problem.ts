/** A field of the registration form that is typed in. */
export type Field = 'ipv4' | 'nicname' | 'country' | 'os' | 'public_key' | 'invitation' | 'email' | 'webhook'

/** What is fixed for a code; its words are in templates/words, one file a language. */
interface Sort {
  readonly status: number
  /** The field that is wrong, if it is always the same. */
  readonly field?: Field | 'kind' | 'routed_prefix' | 'mtu'
  /** Names that its words may use in braces. */
  readonly params: readonly string[]
  /** Seconds after which another try is worth while, if it passes by itself and no `params.seconds` says so. */
  readonly retryAfter?: number
  /** Keys of its details, if it has more than one: `params.case` says which. */
  readonly cases?: readonly string[]
}

/**
 * The catalogue of everything that can be wrong with what somebody asks of the broker. A code is stable: programs
 * may depend on it. docs/errors.md lists the same codes, and a test holds the two equal.
 */
export const PROBLEMS = {
  'ipv4-syntax': {
    status: 400,
    field: 'ipv4',
    params: ['visitor'],
    cases: ['malformed', 'no-string', 'over-ipv6'],
  },
  'ipv4-private': { status: 400, field: 'ipv4', params: ['ipv4'], cases: ['sit-alone', 'wireguard'] },
  'ipv4-shared': { status: 400, field: 'ipv4', params: ['ipv4'], cases: ['sit-alone', 'wireguard'] },
  'ipv4-special': {
    status: 400,
    field: 'ipv4',
    params: ['ipv4'],
    cases: ['loopback', 'link-local', 'multicast', 'documentation', 'reserved', 'unusable'],
  },
  'ipv4-own': { status: 400, field: 'ipv4', params: ['ipv4'] },
  'ipv4-not-yours': {
    status: 403,
    field: 'ipv4',
    params: ['ipv4', 'visitor'],
    cases: ['another', 'over-ipv6'],
  },
  'ipv4-in-use': { status: 409, field: 'ipv4', params: ['ipv4'] },
  'ipv4-unreachable': { status: 409, field: 'ipv4', params: ['ipv4'] },
  'public-key-syntax': {
    status: 400,
    field: 'public_key',
    params: [],
    cases: ['malformed', 'no-string', 'servers'],
  },
  'public-key-in-use': { status: 409, field: 'public_key', params: [] },
  'probe-fault': { status: 503, field: 'ipv4', retryAfter: 60, params: ['ipv4'] },
  'nicname-syntax': {
    status: 400,
    field: 'nicname',
    params: ['longest'],
    cases: ['malformed', 'tagged', 'no-string'],
  },
  'nicname-reserved': { status: 400, field: 'nicname', params: ['nicname'] },
  'nicname-taken': { status: 409, field: 'nicname', params: ['nicname', 'country'] },
  'nicname-blocked': { status: 403, field: 'nicname', params: ['nicname'] },
  'address-blocked': { status: 403, params: ['address'], cases: ['visitor', 'endpoint'] },
  'invitation-required': { status: 403, field: 'invitation', params: [] },
  'invitation-unknown': { status: 403, field: 'invitation', params: [], cases: ['unknown', 'no-string'] },
  'invitation-used-up': { status: 403, field: 'invitation', params: [] },
  'invitation-expired': { status: 403, field: 'invitation', params: [] },
  'country-unknown': { status: 400, field: 'country', params: [], cases: ['unknown', 'no-string'] },
  'name-hidden': { status: 409, params: ['name', 'mailbox'] },
  'country-unserved': { status: 409, field: 'country', params: ['country'] },
  'os-unknown': { status: 400, field: 'os', params: ['known'], cases: ['unknown', 'no-string'] },
  'kind-unknown': { status: 400, field: 'kind', params: ['known'] },
  'action-unknown': { status: 400, params: [] },
  'field-unknown': { status: 400, params: ['name', 'known'] },
  'quota-exceeded': { status: 429, params: ['seconds'] },
  'too-many-requests': {
    status: 429,
    params: ['seconds'],
    cases: ['mails', 'moves', 'refusals', 'wrong-keys', 'invitations', 'new-keys', 'probes', 'listeners'],
  },
  'pool-full': { status: 503, retryAfter: 3600, params: [] },
  'routed-prefix-none': { status: 409, params: [] },
  'routed-prefixes-full': { status: 503, retryAfter: 3600, params: [] },
  'routed-prefix-syntax': { status: 400, field: 'routed_prefix', params: [] },
  'mtu-range': { status: 400, field: 'mtu', params: ['least', 'most'] },
  'one-change': { status: 400, params: [] },
  suspended: { status: 403, params: [], cases: ['tunnel', 'endpoint'] },
  'tunnel-broken': { status: 503, params: ['reason', 'seconds'] },
  'tunnel-unoffered': { status: 503, params: ['kind', 'seconds'] },
  'table-full': { status: 503, retryAfter: 3600, params: [] },
  'email-syntax': { status: 400, field: 'email', params: [], cases: ['malformed', 'no-string'] },
  'email-none': { status: 409, field: 'email', params: [] },
  'webhook-syntax': { status: 400, field: 'webhook', params: [], cases: ['malformed', 'no-string'] },
  'webhook-host': { status: 400, field: 'webhook', params: ['known'] },
  'webhook-none': { status: 409, field: 'webhook', params: [] },
  'partly-done': { status: 503, retryAfter: 60, params: [] },
  'link-expired': { status: 404, params: [] },
  'version-gone': { status: 503, params: [] },
  'interface-fault': { status: 503, retryAfter: 60, params: ['reason'] },
  'storage-full': { status: 507, retryAfter: 60, params: [] },
  'storage-busy': { status: 503, params: ['seconds'] },
  'storage-fault': { status: 503, params: ['seconds'] },
  'storage-unread': { status: 503, params: ['seconds'] },
  'body-syntax': { status: 400, params: ['name'], cases: ['json', 'utf-8', 'broken-off', 'repeated'] },
  'body-too-large': { status: 413, params: ['octets'] },
  'idempotency-key-syntax': { status: 400, params: ['longest'] },
  'idempotency-key-reused': { status: 422, params: [] },
  'content-type': { status: 415, params: ['type'] },
  'cross-site': { status: 403, params: [], cases: ['form', 'update'] },
  forbidden: { status: 403, params: [] },
  'target-syntax': { status: 400, params: [] },
  'host-missing': { status: 400, params: [] },
  'host-repeated': { status: 400, params: [] },
  'request-syntax': { status: 400, params: [] },
  'head-too-large': { status: 431, params: [] },
  'request-slow': { status: 408, params: [] },
  'expectation-unknown': { status: 417, params: [] },
  misdirected: { status: 421, params: ['host'] },
  unauthorized: { status: 401, params: [], cases: ['bearer', 'page', 'no-key', 'wrong-key'] },
  'not-from-tunnel': { status: 403, params: ['visitor'], cases: ['over-ipv4', 'no-tunnel'] },
  'not-found': {
    status: 404,
    params: [],
    cases: [
      'page',
      'api',
      'system',
      'tunnel',
      'taken-down',
      'script',
      'routed-prefix',
      'zone',
      'serial',
      'invitation',
    ],
  },
  'method-not-allowed': { status: 405, params: ['allowed'] },
  'not-running': { status: 503, params: [] },
  'process-unreachable': { status: 503, params: ['socket', 'directory', 'pid'] },
  'process-silent': { status: 503, params: ['pid', 'seconds'] },
  'reply-lost': { status: 503, params: ['command'] },
  'other-version': { status: 500, params: [] },
  restarting: { status: 503, params: ['seconds'] },
  'restart-failed': { status: 500, params: ['reason'] },
  'restart-impossible': { status: 500, params: [], cases: ['container', 'system-calls'] },
  'backup-refused': { status: 409, params: ['reason'] },
  'access-denied': { status: 403, params: ['path', 'user', 'owner'], cases: ['absent', 'other', 'own'] },
  'file-unreadable': { status: 404, params: ['path', 'reason'] },
  'restore-refused': { status: 409, params: ['reason'] },
  'database-locked': { status: 503, params: ['reason'] },
  'database-newer': { status: 500, params: ['reason'] },
  'database-unreadable': { status: 500, params: ['reason'] },
  'database-read-only': { status: 500, params: ['reason'] },
  'command-usage': { status: 400, params: ['line'] },
  configuration: { status: 500, params: ['line'] },
  internal: { status: 500, params: [] },
} as const satisfies Readonly<Record<string, Sort>>

export type ProblemCode = keyof typeof PROBLEMS

export type ParamsOf<Code extends ProblemCode> = Readonly<
  Record<(typeof PROBLEMS)[Code]['params'][number], string | number>
> &
  ((typeof PROBLEMS)[Code] extends { readonly cases: readonly (infer Case)[] }
    ? { readonly case: Case }
    : unknown)

/** One thing that is wrong: a code and what its words need, in no language yet. */
export interface Problem {
  readonly code: ProblemCode
  /** The field of the request that is wrong: one of ours, or one that was given and is none. */
  readonly field?: string
  /** Plain text and numbers, never markup. */
  readonly params: Readonly<Record<string, string | number>>
}

/** A problem of the catalogue, with the field that its code stands for. */
export function problem<Code extends ProblemCode>(code: Code, params: ParamsOf<Code>): Problem {
  const { field }: Sort = PROBLEMS[code]
  return field === undefined ? { code, params } : { code, field, params }
}

/** What is fixed for a code, seen alike for all codes. */
export function sortOf(code: ProblemCode): Sort {
  return PROBLEMS[code]
}

/** The HTTP status for several problems at once: that of the first. */
export function statusOf(problems: readonly Problem[]): number {
  return sortOf(problems[0]?.code ?? 'internal').status
}
