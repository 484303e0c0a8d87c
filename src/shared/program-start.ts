import { forkProgram } from './forked-program.ts'
import type { Program, ProgramOptions, Start } from './program.ts'
import { openSpawner } from './spawned-program.ts'

let starting: Promise<Start> | undefined

/**
 * Starts a program without a shell. Rejects with the system's error if it can't be started.
 * This process is not copied for it, where koffi is there: a copy of one with a large table takes a tenth of a second and
 * more, in which it does nothing else. For the main thread alone.
 */
export async function startProgram(command: string, options: ProgramOptions): Promise<Program> {
  starting ??= openSpawner().then(spawn => spawn ?? forkProgram)
  return (await starting)(command, options)
}
