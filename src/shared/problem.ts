/**
 * The catalogue of everything that can be wrong with what somebody asks of the broker. A code is stable: programs
 * may depend on it. `title` is the same for every occurrence, `detail` says what to do (RFC 9457 3.1); docs/errors.md
 * lists the same codes, and a test holds the two equal.
 */
export const PROBLEMS = {
  'ipv4-syntax': { status: 400, title: 'Not an IPv4 address' },
  'ipv4-private': { status: 400, title: 'The IPv4 address is private: you are behind NAT' },
  'ipv4-shared': { status: 400, title: 'The IPv4 address is shared: you are behind carrier-grade NAT' },
  'ipv4-special': { status: 400, title: 'The IPv4 address is set aside for a special purpose' },
  'ipv4-own': { status: 400, title: 'The IPv4 address is the tunnel server’s own' },
  'ipv4-not-yours': { status: 403, title: 'The IPv4 address is not the one you come from' },
  'ipv4-in-use': { status: 409, title: 'The IPv4 address already has a tunnel' },
  'ipv4-unreachable': { status: 409, title: 'The IPv4 address does not answer ping' },
  'probe-fault': { status: 503, title: 'The server can not send its ping' },
  'nicname-syntax': { status: 400, title: 'Not a usable nicname' },
  'nicname-reserved': { status: 400, title: 'The nicname is reserved' },
  'nicname-taken': { status: 409, title: 'The nicname is taken in that country' },
  'country-unknown': { status: 400, title: 'Not a country code' },
  'os-unknown': { status: 400, title: 'Not an operating system we have a script for' },
  'kind-unknown': { status: 400, title: 'Not a kind of tunnel that is offered' },
  'action-unknown': { status: 400, title: 'Not a script we make' },
  'field-unknown': { status: 400, title: 'Not a field of this request' },
  'quota-exceeded': { status: 429, title: 'Too many registrations from your address' },
  'too-many-requests': { status: 429, title: 'Too many requests from your address' },
  'pool-full': { status: 503, title: 'No free tunnel' },
  'table-full': { status: 503, title: 'The table of names is full' },
  'interface-fault': { status: 503, title: 'The tunnel interface could not be changed' },
  'storage-full': { status: 507, title: 'The database has no room' },
  'storage-fault': { status: 503, title: 'The database can not be written' },
  'body-syntax': { status: 400, title: 'The request body can not be read' },
  'body-too-large': { status: 413, title: 'The request body is too large' },
  'content-type': { status: 415, title: 'The content type is not supported' },
  'cross-site': { status: 403, title: 'The request comes from another site' },
  unauthorized: { status: 401, title: 'The key is missing or wrong' },
  'not-found': { status: 404, title: 'There is no such thing here' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  internal: { status: 500, title: 'Something broke on our side' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>

export type ProblemCode = keyof typeof PROBLEMS

/** A field of the registration form. */
export type Field = 'ipv4' | 'nicname' | 'country' | 'os'

/** One thing that is wrong, and what to do about it. */
export interface Problem {
  readonly code: ProblemCode
  /** The form field it belongs to, where it belongs to one. */
  readonly field?: Field
  /** One or two sentences for a person. */
  readonly detail: string
}

/** The HTTP status for several problems at once: that of the first. */
export function statusOf(problems: readonly Problem[]): number {
  const first = problems[0]
  return first === undefined ? PROBLEMS.internal.status : PROBLEMS[first.code].status
}
