import { z } from 'zod'
import type { LinkFault } from '../tunnel/interface.ts'
import { defineCommand } from './command.ts'
import { fieldLines } from './text-table.ts'

/** Whether a fault keeps a tunnel from working. */
const isTunnels = ({ isMinor }: LinkFault) => !isMinor

export const auditCommand = defineCommand({
  name: 'audit',
  summary: 'compare names and interfaces with the table, mend, and say how many differed',
  words: [],
  parameters: z.strictObject({}),
  result: z.object({
    tunnels: z.int(),
    /** Records. */
    differences: z.int(),
    /** Interfaces that were made anew, were nobody's, or can't be had; absent if no process runs. */
    interfaces: z.int().optional(),
  }),
  run: async ({ audit, reconcile }) => {
    const records = await audit.run()
    if (reconcile === undefined) return { kind: 'done', value: records }
    const { made, removed, faults } = await reconcile()
    return {
      kind: 'done',
      value: { ...records, interfaces: made.length + removed.length + faults.filter(isTunnels).length },
    }
  },
  text: fieldLines,
})
