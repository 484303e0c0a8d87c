import { z } from 'zod'
import { defineCommand } from './command.ts'
import { wholeNumber } from './parameter-rules.ts'
import { fieldLines, textTable } from './text-table.ts'

/** Rows looked at for one reply. */
const SLICE = 500
const MOST_ROWS = 5000
const MOST_USES = 100_000
const LONGEST_NOTE = 2000
const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 }

const report = z.object({
  id: z.string(),
  state: z.enum(['open', 'used-up', 'expired']),
  uses: z.number(),
  used: z.number(),
  /** UTC seconds; null: it does not end. */
  expires: z.number().nullable(),
  created: z.number(),
  note: z.string(),
})

type Report = z.output<typeof report>

const lifetime = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[mhd]$/, { error: 'a duration such as 90m, 12h or 7d' })
  .transform(text => Number(text.slice(0, -1)) * (UNIT_SECONDS[text.slice(-1)] ?? 0))

export const invitationAdd = defineCommand({
  name: 'invitation add',
  summary: 'make a code to register with; prints it, once',
  words: [],
  parameters: z.strictObject({
    uses: wholeNumber(1, MOST_USES)
      .default(1)
      .meta({ title: 'N', description: 'for so many tunnels; 1 unless given' }),
    expires: lifetime
      .optional()
      .meta({ title: 'TIME', description: 'until then, such as 7d; for ever unless given' }),
    note: z
      .string()
      .max(LONGEST_NOTE)
      .default('')
      .meta({ title: 'TEXT', description: 'whom it is for, for yourself' }),
  }),
  result: report.extend({ code: z.string() }),
  run: ({ invitations }, { uses, expires, note }) => invitations.add({ uses, seconds: expires, note }),
  text: fieldLines,
})

export const invitationList = defineCommand({
  name: 'invitation list',
  summary: 'every invitation, one a line; codes are not kept',
  words: [],
  parameters: z.strictObject({
    after: z.string().default(''),
    limit: wholeNumber(1, MOST_ROWS).default(SLICE),
  }),
  result: z.object({
    invitations: z.array(report),
    /** `after` of the next slice; null at the end. */
    next: z.string().nullable(),
  }),
  run: ({ invitations }, { after, limit }) => {
    const rows = invitations.list(after, limit)
    const next = rows.length < limit ? null : (rows.at(-1)?.id ?? null)
    return { kind: 'done', value: { invitations: [...rows], next } }
  },
  text: ({ invitations }) => textTable(invitations.map(cellsOf)),
  slices: {
    items: ({ invitations }) => invitations,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  },
  isQuick: true,
})

export const invitationRevoke = defineCommand({
  name: 'invitation revoke',
  summary: 'nobody registers with it any more; tunnels that were stay',
  words: ['id'],
  parameters: z.strictObject({
    id: z.string().min(1).meta({ title: 'ID', description: 'as invitation list shows it' }),
  }),
  result: report,
  run: ({ invitations }, { id }) => invitations.revoke(id),
  text: fieldLines,
})

function cellsOf({ id, state, used, uses, expires, note }: Report): string[] {
  const until = expires === null ? [] : [`until ${new Date(expires * 1000).toISOString()}`]
  return [id, state, `${used} of ${uses}`, ...until, ...(note === '' ? [] : [note])]
}
