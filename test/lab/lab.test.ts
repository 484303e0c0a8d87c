import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type GuestRun, runInGuest } from './guest.ts'
import { missingGuest } from './kernel.ts'
import { LAYOUTS } from './kernel-view.ts'
import type { StepReport } from './narrator.ts'
import { STEPS } from './steps.ts'
import { IS_WHOLE_LAB } from './whole-lab.ts'

const TIMEOUT = { timeout: 950_000 }
const STORY = join(import.meta.dirname, 'story.ts')
/** Suites that need a kernel of their own: they run inside a guest, a guest each. */
const GUEST_SUITES = [
  'client-scripts.guest.ts',
  'daemon-systems.guest.ts',
  'shell-systems.guest.ts',
  'sit-interfaces.guest.ts',
  ...(IS_WHOLE_LAB ? ['diagnosis.guest.ts', 'wireguard-systems.guest.ts'] : []),
]

const skip = await missingGuest()

/** The other layout has its table of cases in any run. */
describe('the lab: the whole service on a real kernel', { skip: skip ?? false, concurrency: 2 }, () => {
  for (const layout of IS_WHOLE_LAB ? LAYOUTS : (['per-tunnel'] as const))
    describe(`the story, layout ${layout}`, { concurrency: false }, () => {
      const dir = mkdtempSync(join(tmpdir(), 'freenet6-lab-'))
      const reportFile = join(dir, 'report.jsonl')
      let run: GuestRun
      after(() => rmSync(dir, { recursive: true, force: true }))

      test('comes to its end with status 0', TIMEOUT, async () => {
        run = await runInGuest([STORY, layout, reportFile])
        assert.equal(run.status, 0, run.output)
      })

      for (const title of Object.values(STEPS)) {
        test(title, () => {
          const report = readReports(reportFile).find(step => step.title === title)
          assert.equal(report?.kind, 'ok', report?.detail ?? 'not tried')
        })
      }
    })

  describe('the suites in a guest', { concurrency: false }, () => {
    for (const suite of GUEST_SUITES) {
      test(`${suite} passes`, TIMEOUT, async () => {
        const run = await runInGuest([join(import.meta.dirname, suite)])
        assert.equal(run.status, 0, run.output)
      })
    }
  })
})

function readReports(file: string): StepReport[] {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    return lines.map(line => JSON.parse(line))
  } catch {
    return [] // the guest did not come as far as its first step
  }
}
