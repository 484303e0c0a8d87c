import { resolve } from 'node:path'
import { z } from 'zod'
import { defineCommand } from './command.ts'

export const backupCommand = defineCommand({
  name: 'backup',
  summary: 'write a whole copy of the database, also while the service runs',
  words: ['file'],
  parameters: z.strictObject({ file: z.string().min(1) }),
  result: z.object({ file: z.string() }),
  located: ({ file, ...others }) => ({ ...others, ...(file !== undefined && { file: resolve(file) }) }),
  run: async ({ backUp }, { file }) => {
    await backUp(file)
    return { kind: 'done', value: { file } }
  },
  text: ({ file }) => `${file}\n`,
})
