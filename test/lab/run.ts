/** `npm run lab [-- per-tunnel]`: tells the story of a tunnel, live, in about a minute. */
import { join } from 'node:path'
import { runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'

const STORY = join(import.meta.dirname, 'story.ts')

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.stdout.write(
  'The lab: a Linux kernel as one process, with hosts broker, client, client2 and internet.\n',
)
const missing = await missingGuest()
if (missing !== undefined) throw new Error(missing)
const { status } = await runInGuest([STORY, process.argv[2] ?? 'shared'], {
  heard: text => process.stdout.write(text),
})
process.exitCode = status ?? 1
