import { z } from 'zod'
import { KIND_NAMES } from '../shared/kind-name.ts'
import { defineCommand } from './command.ts'
import { addressOrPrefix, countryCode, namePart, wholeNumber } from './parameter-rules.ts'
import { textTable } from './text-table.ts'
import { reference } from './tunnel-change-commands.ts'
import { reportLines, type TunnelReport, tunnelReport } from './tunnel-report.ts'

/** Rows looked at for one reply. */
const SLICE = 500
const MOST_ROWS = 5000

export const tunnelList = defineCommand({
  name: 'tunnel list',
  summary: 'every tunnel, one a line',
  words: [],
  parameters: z.strictObject({
    state: z
      .enum(['new', 'waiting', 'active', 'unreachable', 'dormant', 'suspended', 'unoffered', 'broken'])
      .optional()
      .meta({
        title: 'STATE',
        description: 'new, waiting, active, unreachable, dormant, suspended, unoffered or broken',
      }),
    kind: z
      .enum(KIND_NAMES)
      .optional()
      .meta({ title: 'KIND', description: `only tunnels of a kind: ${KIND_NAMES.join(' or ')}` }),
    country: countryCode.optional().meta({ title: 'CC', description: 'only tunnels of a country' }),
    name: namePart.optional().meta({ title: 'PART', description: 'only tunnels whose name has this part' }),
    address: addressOrPrefix.optional().meta({
      title: 'ADDRESS',
      description: 'only tunnels whose networks or endpoint have this address, or lie in this prefix',
    }),
    after: z.string().default(''),
    limit: wholeNumber(1, MOST_ROWS).default(SLICE),
  }),
  result: z.object({
    tunnels: z.array(tunnelReport),
    /** `after` of the next slice; null at the end. */
    next: z.string().nullable(),
  }),
  run: ({ operator }, { after, limit, ...filter }) => ({
    kind: 'done',
    value: operator.list(after, limit, filter),
  }),
  text: ({ tunnels }) => textTable(tunnels.map(tunnelCells)),
  slices: {
    items: ({ tunnels }) => tunnels,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  },
  isQuick: true,
})

export const tunnelShow = defineCommand({
  name: 'tunnel show',
  summary: 'one tunnel',
  words: ['reference'],
  parameters: reference,
  result: tunnelReport,
  run: ({ operator }, { reference }) => operator.show(reference),
  text: reportLines,
  isQuick: true,
})

export const tunnelDelete = defineCommand({
  name: 'tunnel delete',
  summary: 'end a tunnel for good: interface, row, names; a dormant one too',
  words: ['reference'],
  parameters: reference,
  result: tunnelReport,
  run: ({ operator }, { reference }) => operator.delete(reference),
  text: reportLines,
})

export const tunnelSuspend = defineCommand({
  name: 'tunnel suspend',
  summary: 'take a tunnel down until it is resumed; address, name and key are kept',
  words: ['reference'],
  parameters: reference,
  result: tunnelReport,
  run: ({ operator }, { reference }) => operator.suspend(reference),
  text: reportLines,
})

export const tunnelResume = defineCommand({
  name: 'tunnel resume',
  summary: 'bring a suspended tunnel back, a dormant one too',
  words: ['reference'],
  parameters: reference,
  result: tunnelReport,
  run: ({ operator }, { reference }) => operator.resume(reference),
  text: reportLines,
})

export const tunnelRenewKey = defineCommand({
  name: 'tunnel renew-key',
  summary: 'give a tunnel a new key, printed once; the old one is void',
  words: ['reference'],
  parameters: reference,
  result: tunnelReport.extend({ key: z.string() }),
  run: ({ operator }, { reference }) => operator.renewKey(reference),
  text: reportLines,
})

function tunnelCells(tunnel: TunnelReport): string[] {
  const missed = tunnel.unreachable > 0 ? ` (${tunnel.unreachable})` : ''
  const until = tunnel.until === undefined ? [] : [`until ${new Date(tunnel.until * 1000).toISOString()}`]
  const fault = tunnel.fault === undefined ? [] : [`fault: ${tunnel.fault}`]
  const note = tunnel.note === undefined ? [] : [`note: ${tunnel.note}`]
  return [
    tunnel.id,
    tunnel.name,
    tunnel.ipv4_client ?? tunnel.client_endpoint ?? '-',
    tunnel.ipv6_client,
    tunnel.device,
    `${tunnel.state}${missed}`,
    ...until,
    ...fault,
    ...note,
  ]
}
