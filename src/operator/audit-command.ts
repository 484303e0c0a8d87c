import { z } from 'zod'
import { defineCommand } from './command.ts'
import { fieldLines } from './text-table.ts'

export const auditCommand = defineCommand({
  name: 'audit',
  summary: 'compare what is answered with the table, mend, and say how many records differed',
  words: [],
  parameters: z.strictObject({}),
  result: z.object({ tunnels: z.int(), differences: z.int() }),
  run: async ({ audit }) => ({ kind: 'done', value: await audit.run() }),
  text: fieldLines,
})
