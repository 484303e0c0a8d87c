import { z } from 'zod'
import { defineCommand } from './command.ts'
import { fieldLines } from './text-table.ts'
import { tunnelReport } from './tunnel-report.ts'

export const tunnelRoutedPrefix = defineCommand({
  name: 'tunnel routed-prefix',
  summary: 'route a prefix to a tunnel too, or take it back; a dormant one stays dormant',
  words: ['reference', 'change'],
  parameters: z.strictObject({
    reference: z.string().min(1).meta({ title: 'ID|NAME', description: 'id, nicname.country or full name' }),
    change: z.enum(['give', 'take']).meta({ title: 'give|take', description: 'give or take' }),
  }),
  result: tunnelReport,
  run: ({ operator }, { reference, change }) => operator.changeRouted(reference, change === 'give'),
  text: fieldLines,
})
