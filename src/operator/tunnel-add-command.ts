import { z } from 'zod'
import type { RegistrationInput } from '../registration/admission.ts'
import { WAYS } from '../tunnel/contact.ts'
import { Words } from '../words/words.ts'
import { defineCommand } from './command.ts'
import { mtuWish } from './tunnel-change-commands.ts'
import { reportLines, warnedReport } from './tunnel-report.ts'

const KEYED_USAGE = 'tunnel add NICNAME COUNTRY OS --kind wireguard --public-key KEY'

const parameters = z
  .strictObject({
    ipv4: z.string().optional(),
    nicname: z.string(),
    country: z.string(),
    os: z.string(),
    kind: z.string().optional().meta({ title: 'KIND', description: 'sit unless given, or wireguard' }),
    'public-key': z.string().optional().meta({
      title: 'KEY',
      description: 'of wireguard, in place of IPV4; the private key stays with the client',
    }),
    'routed-prefix': z
      .stringbool()
      .optional()
      .meta({ title: '', description: 'with a prefix routed to it, for the network behind it' }),
    mtu: z.string().optional().meta({ title: 'OCTETS', description: 'with smaller packets than its kind' }),
    email: z
      .string()
      .optional()
      .meta({ title: 'ADDRESS', description: 'its owner is asked there, then told' }),
    webhook: z.string().optional().meta({ title: 'URL', description: 'the same, posted to a URL' }),
  })
  .superRefine(({ ipv4, kind, 'public-key': key }, { addIssue }) => {
    if (kind === 'wireguard') {
      if (ipv4 !== undefined) addIssue({ code: 'custom', message: `it has no IPV4: ${KEYED_USAGE}` })
    } else if (key !== undefined)
      addIssue({ code: 'custom', message: `a key is for wireguard: ${KEYED_USAGE}` })
    else if (ipv4 === undefined && (kind ?? 'sit') === 'sit')
      addIssue({ code: 'custom', message: 'tunnel add takes IPV4 NICNAME COUNTRY OS' })
  })

export const tunnelAdd = defineCommand({
  name: 'tunnel add',
  summary: 'register a tunnel; prints its key, once',
  words: ['ipv4', 'nicname', 'country', 'os'],
  parameters,
  result: warnedReport.extend({ key: z.string() }),
  run: ({ operator }, given) => operator.add(registrationOf(given)),
  text: reportLines,
})

function registrationOf(given: z.output<typeof parameters>): RegistrationInput {
  const { ipv4 = '', nicname, country, os, kind, mtu } = given
  const ways = WAYS.filter(way => (given[way] ?? '') !== '').map(way => [way, given[way]])
  return {
    ipv4,
    nicname,
    country,
    os,
    wantsRouted: given['routed-prefix'] ?? false,
    ...(kind === undefined ? {} : { kind }),
    ...(kind === 'wireguard' ? { details: { publicKey: given['public-key']?.trim() } } : {}),
    ...(mtu === undefined ? {} : { mtu: mtuWish(mtu) }),
    ...(ways.length === 0
      ? {}
      : { contact: { ...Object.fromEntries(ways), language: Words.load().fallback.tag } }),
  }
}
