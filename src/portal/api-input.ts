import type { RegistrationInput } from '../registration/admission.ts'
import { type Field, type Problem, problem } from '../shared/problem.ts'
import { type ContactWish, WAYS } from '../tunnel/contact.ts'
import { MAX_ECHOED_LENGTH } from './body.ts'
import { Refused, refuse } from './refused.ts'

const NOT_A_STRING: Readonly<Record<Field, Problem>> = {
  ipv4: problem('ipv4-syntax', { case: 'no-string', visitor: '' }),
  nicname: problem('nicname-syntax', { case: 'no-string', longest: '' }),
  country: problem('country-unknown', { case: 'no-string' }),
  os: problem('os-unknown', { case: 'no-string', known: '' }),
  public_key: problem('public-key-syntax', { case: 'no-string' }),
  email: problem('email-syntax', { case: 'no-string' }),
  webhook: problem('webhook-syntax', { case: 'no-string' }),
  invitation: problem('invitation-unknown', { case: 'no-string' }),
}
/** Fields of a registration that are no texts, or say which of these there are. */
const BESIDE = ['kind', 'routed_prefix', 'mtu'] as const

/** A registration; a kind that is known by a public key has no `ipv4`. Throws Refused. */
export function registrationOf(
  { routed_prefix: routed = false, mtu, ...body }: Readonly<Record<string, unknown>>,
  language: string,
): RegistrationInput {
  if (typeof routed !== 'boolean') throw refuse(problem('routed-prefix-syntax', {}))
  const fields = fieldsOf(body)
  const given = Object.fromEntries(WAYS.flatMap(way => (body[way] ? [[way, body[way]]] : [])))
  const contact = contactIn(given, language)
  const smaller = mtu === undefined || mtu === null ? {} : { mtu }
  return { ...fields, wantsRouted: routed, ...smaller, ...(contact === undefined ? {} : { contact }) }
}

/** What a body of texts says of where the owner is told; undefined: nothing. */
export function contactIn(
  body: Readonly<Record<string, unknown>>,
  language: string,
): ContactWish | undefined {
  const given = WAYS.filter(way => body[way] !== undefined).map(way => [way, String(body[way])])
  return given.length === 0 ? undefined : { ...Object.fromEntries(given), language }
}

function fieldsOf({ kind, ...body }: Readonly<Record<string, unknown>>): RegistrationInput {
  if (kind === 'wireguard') {
    const {
      public_key,
      email: _,
      webhook: __,
      ...input
    } = textFields(body, ['public_key', 'nicname', 'country', 'os', 'invitation', ...WAYS], BESIDE)
    return { ...input, ipv4: '', kind, details: { publicKey: public_key } }
  }
  const {
    email: _,
    webhook: __,
    ...input
  } = textFields(body, ['ipv4', 'nicname', 'country', 'os', 'invitation', ...WAYS], BESIDE)
  return kind === undefined ? input : { ...input, kind: String(kind) }
}

/**
 * The named fields as text, an absent one as empty. Throws Refused for other fields and other types; `beside` are those that
 * the request knows too and are read elsewhere.
 */
export function textFields<Name extends Field>(
  body: Readonly<Record<string, unknown>>,
  names: readonly Name[],
  beside: readonly string[] = [],
): Readonly<Record<Name, string>> {
  const problems: Problem[] = []
  const unknown = Object.keys(body).find(name => !names.some(known => known === name))
  if (unknown !== undefined) {
    const name = JSON.stringify(unknown.slice(0, MAX_ECHOED_LENGTH))
    problems.push(problem('field-unknown', { name, known: [...names, ...beside].join(', ') }))
  }
  for (const name of names) {
    const value = body[name]
    if (value !== undefined && typeof value !== 'string') problems.push(NOT_A_STRING[name])
  }
  if (problems.length > 0) throw new Refused(problems)
  return Object.fromEntries(names.map(name => [name, String(body[name] ?? '')])) as Record<Name, string>
}
