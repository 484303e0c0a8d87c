import { z } from 'zod'
import { refused } from '../lifecycle/refusal.ts'
import { PROBLEMS, problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'
import { addressOrPrefix } from './parameter-rules.ts'
import { textTable } from './text-table.ts'

const refusal = z.object({ time: z.int(), codes: z.array(z.string()), address: z.string(), path: z.string() })

const refusalCode = z
  .string()
  .refine(code => Object.hasOwn(PROBLEMS, code), { error: 'a code of docs/errors.md, such as nicname-taken' })

export const logCommand = defineCommand({
  name: 'log',
  summary: 'the last requests that were refused: when, why, who',
  words: [],
  parameters: z.strictObject({
    code: refusalCode.optional().meta({ title: 'CODE', description: 'only refusals with this code' }),
    address: addressOrPrefix
      .optional()
      .meta({ title: 'ADDRESS', description: 'only those of this visitor, or from this prefix' }),
  }),
  result: z.object({ refusals: z.array(refusal) }),
  run: ({ recentRefusals }, filter) =>
    recentRefusals === undefined
      ? refused(problem('not-running', {}))
      : { kind: 'done', value: { refusals: recentRefusals.matching(filter) } },
  text: ({ refusals }) =>
    textTable(
      refusals.map(({ time, codes, address, path }) => [
        new Date(time * 1000).toISOString(),
        address,
        path,
        codes.join(' '),
      ]),
    ),
  slices: { items: ({ refusals }) => refusals, next: () => undefined },
  isQuick: true,
  needsProcess: true,
})
