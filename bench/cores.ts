import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Which cores the server and the generator run on, as taskset writes them. */
export interface Cores {
  readonly server: string
  readonly generator: string
}

/**
 * The last core is the generator's. A server has as many of the others as it has threads, where there are enough;
 * where not, its threads share them: then only the CPU time of its queries means something.
 */
export function coresFor(threads: number): Cores {
  const cores = availableCores()
  const used = Math.max(1, Math.min(threads, cores - 1))
  return { server: used === 1 ? '0' : `0-${used - 1}`, generator: String(cores - 1) }
}

/** Whether each of the server's threads has a core that nothing else uses. */
export function hasCoresFor(threads: number): boolean {
  return availableCores() > threads
}

/** Moves this process, and all that it starts, to the generator's core. */
export function moveToGeneratorCore(): void {
  execFileSync('taskset', ['-a', '-p', '-c', coresFor(1).generator, String(process.pid)], { stdio: 'ignore' })
}

let counted: number | undefined

/** Counted once: after the move it would be one. */
function availableCores(): number {
  counted ??= availableParallelism()
  return counted
}
