import { z } from 'zod'
import { problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'
import { domainName } from './parameter-rules.ts'
import { textTable } from './text-table.ts'

export const notifyCommand = defineCommand({
  name: 'notify',
  summary: 'tell the secondaries of a zone, or of all, that it may have changed',
  words: ['zone'],
  parameters: z.strictObject({ zone: domainName.optional() }),
  result: z.object({ told: z.array(z.object({ zone: z.string(), secondaries: z.int() })) }),
  run: ({ notify }, { zone }) => {
    if (notify === undefined) return { kind: 'refused', problems: [problem('not-running', {})] }
    const told = notify(zone)
    if (zone !== undefined && told.length === 0)
      return { kind: 'refused', problems: [problem('not-found', { case: 'zone' })] }
    return { kind: 'done', value: { told: [...told] } }
  },
  text: ({ told }) =>
    textTable(told.map(({ zone, secondaries }) => [zone, `${secondaries} secondaries told`])),
  needsProcess: true,
})
