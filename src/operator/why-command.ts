import { z } from 'zod'
import { problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'
import { fieldLines } from './text-table.ts'
import { reference } from './tunnel-change-commands.ts'

export const tunnelWhy = defineCommand({
  name: 'tunnel why',
  summary: 'find out by echoes why a tunnel does not work, and say what its owner can do',
  words: ['reference'],
  parameters: reference,
  result: z.object({
    id: z.string(),
    name: z.string(),
    finding: z.string(),
    detail: z.string(),
    fault: z.string().optional(),
    seen: z.object({ tunnel: z.string(), large: z.string(), endpoint: z.string() }),
    rtt_ms: z.number().optional(),
  }),
  run: ({ diagnoses }, { reference }) =>
    diagnoses === undefined
      ? { kind: 'refused', problems: [problem('not-running', {})] }
      : diagnoses.of(reference),
  text: fieldLines,
  needsProcess: true,
})
