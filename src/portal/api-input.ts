import type { RegistrationInput } from '../registration/admission.ts'
import { type Field, type Problem, problem } from '../shared/problem.ts'
import { type ContactWish, WAYS } from '../tunnel/contact.ts'
import { MAX_ECHOED_LENGTH } from './body.ts'

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
/** As many are named as somebody can have mistyped; a reply is not to grow with what is sent. */
const MAX_UNKNOWN_NAMED = 5

/** The named fields of a body as text, and what is wrong with the body. */
interface Texts<Name extends Field> {
  /** Empty if it is absent or no text. */
  readonly fields: Readonly<Record<Name, string>>
  readonly problems: readonly Problem[]
}

/** A registration, with what could not be read of it; a kind that is known by a public key has no `ipv4`. */
export function registrationOf(
  { routed_prefix: routed = false, mtu, ...body }: Readonly<Record<string, unknown>>,
  language: string,
): RegistrationInput {
  const { misread = [], ...fields } = fieldsOf(body)
  const wrong = typeof routed === 'boolean' ? misread : [...misread, problem('routed-prefix-syntax', {})]
  const given = WAYS.filter(way => typeof body[way] === 'string' && body[way] !== '')
  const contact = contactIn(Object.fromEntries(given.map(way => [way, body[way]])), language)
  return {
    ...fields,
    wantsRouted: routed === true,
    ...(mtu === undefined || mtu === null ? {} : { mtu }),
    ...(contact === undefined ? {} : { contact }),
    ...(wrong.length === 0 ? {} : { misread: wrong }),
  }
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
    const { fields, problems } = readTexts(
      body,
      ['public_key', 'nicname', 'country', 'os', 'invitation', ...WAYS],
      BESIDE,
    )
    const { public_key: publicKey, email: _, webhook: __, ...input } = fields
    return { ...input, ipv4: '', kind, details: { publicKey }, misread: problems }
  }
  const { fields, problems } = readTexts(
    body,
    ['ipv4', 'nicname', 'country', 'os', 'invitation', ...WAYS],
    BESIDE,
  )
  const { email: _, webhook: __, ...input } = fields
  const named = kind === undefined ? {} : { kind: typeof kind === 'string' ? kind : '' } // '' is the name of none
  return { ...input, ...named, misread: problems }
}

/**
 * The named fields as text, an absent one as empty, whatever else is in the body; `beside` are those that the request knows
 * too and are read elsewhere.
 */
export function readTexts<Name extends Field>(
  body: Readonly<Record<string, unknown>>,
  names: readonly Name[],
  beside: readonly string[] = [],
): Texts<Name> {
  const known = [...names, ...beside].join(', ')
  const unknown = Object.keys(body).filter(field => !names.some(name => name === field))
  const isText = (name: Name) => typeof body[name] === 'string'
  return {
    fields: Object.fromEntries(names.map(name => [name, isText(name) ? body[name] : ''])) as Record<
      Name,
      string
    >,
    problems: [
      ...unknown.slice(0, MAX_UNKNOWN_NAMED).map(field => unknownField(field, known)),
      ...names.filter(name => body[name] !== undefined && !isText(name)).map(name => NOT_A_STRING[name]),
    ],
  }
}

function unknownField(given: string, known: string): Problem {
  const field = given.slice(0, MAX_ECHOED_LENGTH)
  return { ...problem('field-unknown', { name: JSON.stringify(field), known }), field }
}
