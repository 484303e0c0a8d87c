/**
 * `npm run lab:scale`: what tunnels cost by their number, in both layouts, and how names and pages are answered while
 * they come up; prints two tables. Takes minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTable } from '../../bench/table.ts'
import { runInGuest } from './guest.ts'

const LIMIT_SECONDS = 3000
const RUNS = [
  ['shared', '100', '10000', '100000'],
  ['per-tunnel', '100', '1000', '5000'],
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
  'a packet in',
  'a packet out',
  'a round of the prober, all silent',
]

const BRING_UP_NUMBERS = [10_000, 100_000]
const BRING_UP_HEADS = [
  'tunnels',
  'all up',
  'answer to a query meanwhile (p50 / p99)',
  'at rest',
  'landing page meanwhile (p50 / p99)',
  'at rest',
]

function printHeads(heads: readonly string[]): void {
  process.stdout.write(`| ${heads.join(' | ')} |\n|${' --- |'.repeat(heads.length)}\n`)
}

async function print(script: string, args: readonly string[]): Promise<void> {
  const run = await runInGuest([join(import.meta.dirname, script), ...args], {
    limitSeconds: LIMIT_SECONDS,
    memory: '3072M',
    heard: text => process.stdout.write(text),
  })
  if (run.status !== 0) process.exitCode = 1
}

printHeads(HEADS)
for (const args of RUNS) await print('scale.guest.ts', args)
const work = mkdtempSync(join(tmpdir(), 'freenet6-scale-'))
try {
  process.stdout.write('\n')
  printHeads(BRING_UP_HEADS)
  for (const tunnels of BRING_UP_NUMBERS) {
    const { directory } = buildTable(work, tunnels)
    await print('bring-up.guest.ts', [directory, String(tunnels)])
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
