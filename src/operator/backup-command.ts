import { resolve } from 'node:path'
import { z } from 'zod'
import { problem } from '../shared/problem.ts'
import { defineCommand } from './command.ts'

export const backupCommand = defineCommand({
  name: 'backup',
  summary: 'write a whole copy of the database, also while the service runs',
  words: ['file'],
  parameters: z.strictObject({ file: z.string().min(1) }),
  result: z.object({ file: z.string() }),
  located: ({ file, ...others }) => ({ ...others, ...(file !== undefined && { file: resolve(file) }) }),
  run: async ({ backUp }, { file }) => {
    try {
      await backUp(file)
    } catch (error) {
      return { kind: 'refused', problems: [problem('backup-refused', { reason: reasonOf(error) })] }
    }
    return { kind: 'done', value: { file } }
  },
  text: ({ file }) => `${file}\n`,
})

/** The store's own sentence, or the system's: no such directory, no room, no right to write there. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
