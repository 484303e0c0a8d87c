import { z } from 'zod'
import { defineCommand } from './command.ts'
import { domainName, wholeNumber } from './parameter-rules.ts'
import { statusReport } from './status.ts'
import { textTable } from './text-table.ts'

const record = z.object({
  /** Of a difference: removed or added. */
  change: z.enum(['-', '+']).optional(),
  name: z.string(),
  ttl: z.int(),
  type: z.string(),
  rdata: z.string(),
})

const LATEST_SERIAL = 2 ** 32 - 1

export const zoneList = defineCommand({
  name: 'zone list',
  summary: 'every zone that is served, with its serial',
  words: [],
  parameters: z.strictObject({}),
  result: statusReport.pick({ zones: true }),
  run: async ({ status }) => ({ kind: 'done', value: await status.report() }),
  text: ({ zones }) =>
    textTable(zones.map(({ name, serial, rrsets }) => [name, `${serial}`, `${rrsets} rrsets`])),
  slices: { items: ({ zones }) => zones, next: () => undefined },
  isQuick: true,
})

export const zoneDump = defineCommand({
  name: 'zone dump',
  summary: 'a zone as it is served, tunnels included, as a master file; or what has changed',
  words: ['origin'],
  parameters: z.strictObject({
    origin: domainName.meta({ title: 'ORIGIN', description: 'name of the zone' }),
    diff: wholeNumber(0, LATEST_SERIAL)
      .optional()
      .meta({ title: 'SERIAL', description: 'only what has changed since this serial' }),
    after: z.string().default(''),
  }),
  result: z.object({ records: z.array(record), next: z.string().nullable() }),
  run: ({ dumps, differences }, { origin, diff, after }) => {
    if (diff === undefined) return after === '' ? dumps.begin(origin) : dumps.continue(after)
    return after === '' ? differences.begin(origin, diff) : differences.continue(after)
  },
  text: ({ records }) =>
    records
      .map(({ change, name, ttl, type, rdata }) => {
        const sign = change === undefined ? '' : `${change} `
        return `${sign}${name} ${ttl} IN ${type} ${rdata}\n`
      })
      .join(''),
  slices: {
    items: ({ records }) => records,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  },
  isQuick: true,
})
