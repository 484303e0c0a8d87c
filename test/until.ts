import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a test waits for what must come. It says nothing of speed: a machine may be busy with much else. */
export const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 5

/** Waits until something is so, for a minute at most; `otherwise` is what the failure says. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  otherwise: string | (() => string) = 'it is not so',
): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; !(await isSo()); await sleep(LOOK_EVERY_MS))
    if (performance.now() > deadline)
      assert.fail(`after ${PATIENCE_MS / 1000} s: ${typeof otherwise === 'string' ? otherwise : otherwise()}`)
}
