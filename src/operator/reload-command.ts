import { z } from 'zod'
import { problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'
import { EXIT } from './exit.ts'

export const reloadCommand = defineCommand({
  name: 'reload',
  summary: 'read zone files and configuration again; says what was taken and what was kept as it was',
  words: [],
  parameters: z.strictObject({}),
  result: z.object({ taken: z.array(z.string()), kept: z.array(z.string()) }),
  run: async ({ reload }) =>
    reload === undefined
      ? { kind: 'refused', problems: [problem('not-running', {})] }
      : { kind: 'done', value: await reload() },
  text: ({ taken, kept }) =>
    [...taken.map(file => `taken: ${file}\n`), ...kept.map(line => `kept: ${line}\n`)].join(''),
  isForMistaken: true,
  exitCode: ({ kept }) => (kept.length === 0 ? EXIT.ok : EXIT.fault),
  needsProcess: true,
})
