import { spawn } from 'node:child_process'
import type { Program, ProgramOptions } from './program.ts'

/** Starts a program as Node does: by a copy of this process, which then becomes the program (fork(2)). */
export function forkProgram(command: string, { args, environment, pipes }: ProgramOptions): Promise<Program> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: environment,
      stdio: pipes.map(isPipe => (isPipe ? 'pipe' : 'ignore')),
      detached: true,
    })
    child.once('error', reject)
    if (child.pid === undefined) return // it says so by its error
    resolve({
      pid: child.pid,
      stdin: child.stdin ?? undefined,
      stdout: child.stdout ?? undefined,
      stderr: child.stderr ?? undefined,
      ended: new Promise(end => child.once('exit', end)),
      letGo: () => child.unref(),
    })
  })
}
