import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, World } from './fault.ts'

const FLAPS = 4
const FLAP_MS = 200

/** Faults of links: those of the tunnels in the modelled kernel, loopback in the namespace's real one. */
export const LINK_FAULTS: readonly Fault[] = [
  links('links are deleted', ({ tools }) => tools.kernel.lose('links')),
  links('routes are gone', ({ tools }) => tools.kernel.lose('routes')),
  links('filter or addresses are flushed', ({ tools }) => tools.kernel.lose('filter or addresses')),
  links('the monitors of the kernel are killed', ({ tools }) => tools.killMonitors()),
  {
    name: 'loopback flaps',
    isSurvived: true,
    async strike() {
      for (let flap = 0; flap < FLAPS; flap++) {
        setLoopback('down')
        await sleep(FLAP_MS)
        setLoopback('up')
        await sleep(FLAP_MS)
      }
      return () => undefined
    },
  },
]

/** Several times in a row, each told to whoever listens. */
function links(name: string, spoil: (world: World) => void): Fault {
  return {
    name,
    isSurvived: true,
    async strike(world) {
      for (let flap = 0; flap < FLAPS; flap++) {
        spoil(world)
        world.tools.announce()
        await sleep(FLAP_MS)
      }
      return () => undefined
    },
  }
}

export function setLoopback(state: 'up' | 'down'): void {
  execFileSync('ip', ['link', 'set', 'lo', state])
}
