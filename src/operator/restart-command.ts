import { z } from 'zod'
import { problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'

const SECOND_MS = 1000

export const restartCommand = defineCommand({
  name: 'restart',
  summary: 'start the program anew and let it take over without a gap; if it can’t, this one goes on',
  words: [],
  parameters: z.strictObject({}),
  result: z.object({ pid: z.int(), milliseconds: z.int() }),
  run: async ({ restart }) =>
    restart === undefined ? { kind: 'refused', problems: [problem('not-running', {})] } : restart(),
  text: ({ pid, milliseconds }) =>
    `process ${pid} has taken over, after ${(milliseconds / SECOND_MS).toFixed(1)} s\n`,
  needsProcess: true,
})
