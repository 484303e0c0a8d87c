import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../until.ts'
import { HELD, type Step } from './handover-hook.ts'
import { RestartedBroker } from './restarted-broker.ts'

const HOOK = new URL('./handover-hook.ts', import.meta.url)

/** One whose processes can be ended or held up at any message between them: see handover-hook.ts. */
export class HeldBroker extends RestartedBroker {
  readonly #file: string
  #holdsBefore = 0

  constructor(t: TestContext, more: Readonly<Record<string, string>> = {}) {
    const env: Record<string, string> = { ...more, NODE_OPTIONS: `--import=${HOOK.href}` }
    super(t, env)
    this.#file = join(this.dir, 'step')
    env.FREENET6_TEST_STEP = this.#file
  }

  /** In place of what was planned before: what that has held up goes on. */
  plan(step: Step): void {
    this.#holdsBefore = this.#holds
    writeFileSync(this.#file, JSON.stringify(step))
  }

  /** Resolves when a restart is held up at the step that was planned last. */
  async held(): Promise<void> {
    await until(() => this.#holds > this.#holdsBefore)
  }

  get #holds(): number {
    return this.server.stderr.split(HELD).length - 1
  }

  /** What was held up goes on. */
  goOn(): void {
    rmSync(this.#file)
  }
}

/** A step at which the process that is about to say so waits. */
export function waiting(of: Step['of'], kind: string): Step {
  return { of, at: 'before saying', kind, what: 'wait' }
}
