import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, World } from './fault.ts'

const FLAPS = 4
const FLAP_MS = 200

/** Faults of links: those of the tunnels in the modelled kernel, loopback in the namespace's real one. */
export const LINK_FAULTS: readonly Fault[] = [
  links('all links are deleted', ({ tools }) => tools.kernel.devices.clear()),
  links('all links go down', ({ tools }) => {
    for (const device of tools.kernel.devices.values()) device.up = false
  }),
  links('all addresses are flushed', ({ tools }) => {
    for (const device of tools.kernel.devices.values()) device.addresses.length = 0
  }),
  links('ip monitor is killed', ({ tools }) => tools.killMonitors()),
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
