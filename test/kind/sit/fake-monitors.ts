import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the two monitors print. */
export interface MonitorLines {
  readonly ip?: string
  readonly nft?: string
}

/** Longer than a watch lets changes settle; where nothing comes nobody can wait for ever. */
const SETTLED_MS = 800
/** For what must come: a busy machine starts programs late. */
export const PATIENT_MS = 60_000

/**
 * Puts programs `ip` and `nft` in place that print these lines and run on, starts a watch, and resolves with whether it
 * calls `harmed`.
 */
export async function isHarm(
  t: TestContext,
  lines: MonitorLines,
  startWatch: (harmed: () => void) => { stop(): void },
  patienceMs = SETTLED_MS,
): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-watch-'))
  const path = process.env.PATH
  for (const name of ['ip', 'nft'] as const) {
    const script = `#!/bin/sh\ncat <<'END'\n${lines[name] ?? ''}\nEND\nexec sleep 60\n`
    writeFileSync(join(directory, name), script, { mode: 0o755 })
  }
  process.env.PATH = `${directory}:${path}`
  let isHarmed = false
  const watch = startWatch(() => {
    isHarmed = true
  })
  process.env.PATH = path
  t.after(() => {
    watch.stop()
    rmSync(directory, { recursive: true })
  })
  const end = performance.now() + patienceMs
  while (!isHarmed && performance.now() < end) await sleep(20)
  return isHarmed
}
