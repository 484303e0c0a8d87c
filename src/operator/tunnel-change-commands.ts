import { z } from 'zod'
import { defineCommand } from './command.ts'
import { reportLines, warnedReport } from './tunnel-report.ts'

/** Which tunnel is meant. */
export const reference = z.strictObject({
  reference: z.string().min(1).meta({ title: 'ID|NAME', description: 'id, nicname.country or full name' }),
})

const LONGEST_NOTE = 2000
const NUMBER = /^\d{1,6}$/

export const tunnelNote = defineCommand({
  name: 'tunnel note',
  summary: "note something of a tunnel for yourself; '' for nothing",
  words: ['reference', 'text'],
  parameters: reference.extend({ text: z.string().max(LONGEST_NOTE) }),
  result: warnedReport,
  run: ({ operator }, { reference, text }) => operator.changes.note(reference, text),
  text: reportLines,
})

export const tunnelEndpoint = defineCommand({
  name: 'tunnel endpoint',
  summary: 'move a tunnel to another IPv4 address; a dormant one comes back there',
  words: ['reference', 'ipv4'],
  parameters: reference.extend({ ipv4: z.string() }),
  result: warnedReport,
  run: ({ operator }, { reference, ipv4 }) => operator.changes.endpoint(reference, ipv4),
  text: reportLines,
})

export const tunnelPublicKey = defineCommand({
  name: 'tunnel public-key',
  summary: 'let a WireGuard tunnel be known by another public key; a dormant one comes back with it',
  words: ['reference', 'public-key'],
  parameters: reference.extend({ 'public-key': z.string().meta({ title: 'KEY' }) }),
  result: warnedReport,
  run: ({ operator }, { reference, 'public-key': key }) => operator.changes.publicKey(reference, key),
  text: reportLines,
})

export const tunnelMtu = defineCommand({
  name: 'tunnel mtu',
  summary: 'give a tunnel a smaller MTU than its kind has, or that again; a dormant one stays dormant',
  words: ['reference', 'mtu'],
  parameters: reference.extend({ mtu: z.string().meta({ title: 'OCTETS|default' }) }),
  result: warnedReport,
  run: ({ operator }, { reference, mtu }) => operator.changes.mtu(reference, mtuWish(mtu)),
  text: reportLines,
})

export const tunnelRoutedPrefix = defineCommand({
  name: 'tunnel routed-prefix',
  summary: 'route a prefix to a tunnel too, or take it back; a dormant one stays dormant',
  words: ['reference', 'change'],
  parameters: reference.extend({
    change: z.enum(['give', 'take']).meta({ title: 'give|take', description: 'give or take' }),
  }),
  result: warnedReport,
  run: ({ operator }, { reference, change }) => operator.changes.routed(reference, change === 'give'),
  text: reportLines,
})

export const tunnelEmail = defineCommand({
  name: 'tunnel email',
  summary: "have a tunnel's owner told by e-mail, once a yes has come from there; '' for no more",
  words: ['reference', 'email'],
  parameters: reference.extend({ email: z.string().meta({ title: 'ADDRESS' }) }),
  result: warnedReport,
  run: ({ operator }, { reference, email }) => operator.changes.contact(reference, 'email', email),
  text: reportLines,
})

export const tunnelWebhook = defineCommand({
  name: 'tunnel webhook',
  summary: "have a tunnel's owner told at a URL, once a yes has come from there; '' for no more",
  words: ['reference', 'webhook'],
  parameters: reference.extend({ webhook: z.string().meta({ title: 'URL' }) }),
  result: warnedReport,
  run: ({ operator }, { reference, webhook }) => operator.changes.contact(reference, 'webhook', webhook),
  text: reportLines,
})

/** The MTU that is typed, undefined for what the kind has; what is neither stands as it is, and is refused. */
export function mtuWish(typed: string): unknown {
  if (typed === 'default') return undefined
  return NUMBER.test(typed) ? Number(typed) : typed
}
