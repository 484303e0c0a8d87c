/** `npm run lab:scale`: what tunnels cost by their number, in both layouts; prints a table. Takes minutes. */
import { runInGuest } from './guest.ts'

const LIMIT_SECONDS = 3000
const RUNS = [
  ['shared', '100', '10000', '100000'],
  ['per-tunnel', '100', '1000'],
] as const
const HEADS = [
  'layout',
  'tunnels',
  'all up',
  'all down',
  'restart',
  'first comparison',
  'comparison that finds nothing',
  'a move',
  'kernel memory a tunnel',
  'a round of the prober, all silent',
]

process.stdout.write(`| ${HEADS.join(' | ')} |\n|${' --- |'.repeat(HEADS.length)}\n`)
for (const args of RUNS) {
  const script = new URL('scale.guest.ts', import.meta.url).pathname
  const run = await runInGuest([script, ...args], {
    limitSeconds: LIMIT_SECONDS,
    memory: '3072M',
    heard: text => process.stdout.write(text),
  })
  if (run.status !== 0) process.exitCode = 1
}
