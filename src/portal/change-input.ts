import { type Problem, problem } from '../shared/problem.ts'
import { type ContactWish, WAYS } from '../tunnel/contact.ts'
import { contactIn, readTexts } from './api-input.ts'

/** What a change can be of, besides the texts of it; each is asked for alone. */
const ALONE = ['routed_prefix', 'mtu'] as const

/** What is asked for of a tunnel, and what could not be read of it. */
export interface AskedChange {
  /** Its new IPv4 address or public key, as typed. */
  readonly endpoint?: string
  readonly contact?: ContactWish
  /** Whether a prefix is to be routed to it. */
  readonly routed?: boolean
  /** null for that of its kind. */
  readonly mtu?: unknown
  readonly misread: readonly Problem[]
}

/** Reads the body of a change; `field` is what the kind of the tunnel has for its endpoint. */
export function changeIn(
  { routed_prefix: routed, mtu, ...body }: Readonly<Record<string, unknown>>,
  { field, language }: { readonly field: 'ipv4' | 'public_key'; readonly language: string },
): AskedChange {
  const { fields, problems } = readTexts(body, [field, ...WAYS], ALONE)
  const contact = contactIn(body, language)
  const asked = [routed, mtu, [field, ...WAYS].find(name => body[name] !== undefined)]
  const isMixed = (routed ?? mtu) !== undefined && asked.filter(wish => wish !== undefined).length > 1
  return {
    ...(body[field] === undefined ? {} : { endpoint: fields[field] }),
    ...(contact === undefined ? {} : { contact }),
    ...(typeof routed === 'boolean' ? { routed } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    misread: [
      ...problems,
      ...(routed === undefined || typeof routed === 'boolean' ? [] : [problem('routed-prefix-syntax', {})]),
      ...(isMixed ? [problem('one-change', {})] : []),
    ],
  }
}
