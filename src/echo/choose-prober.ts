import { runChild } from '../shared/child.ts'
import { FpingProber } from './fping-prober.ts'
import { PingProber } from './ping-prober.ts'
import type { Prober } from './prober.ts'

const VERSION_DEADLINE_MS = 2000

/** The prober that the configuration asks for; 'auto' is fping where it runs, which is kinder to the machine. */
export async function chooseProber(kind: 'ping' | 'fping' | 'auto'): Promise<Prober> {
  if (kind === 'fping' || (kind === 'auto' && (await isFpingThere()))) return new FpingProber()
  return new PingProber()
}

async function isFpingThere(): Promise<boolean> {
  const outcome = await runChild('fping', ['--version'], { deadlineMs: VERSION_DEADLINE_MS }).catch(
    () => undefined,
  )
  return outcome?.code === 0
}
