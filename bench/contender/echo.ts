import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, findProgram, type Setting, versionOf } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'

const SOURCE = join(import.meta.dirname, 'echo.c')

/** The floor: a C program that sends datagrams back, 64 a batch; undefined where there is no gcc. UDP alone. */
export function echo(): Contender | undefined {
  const gcc = findProgram('gcc')
  if (gcc === undefined) return undefined
  return {
    name: 'echo in C',
    version: `64 datagrams a batch, ${versionOf(gcc, '--version')} -O2`,
    async start({ table, cores }: Setting): Promise<RunningServer> {
      const port = await freePort()
      const directory = join(table.directory, 'echo')
      mkdirSync(directory, { recursive: true })
      const program = join(directory, 'echo')
      execFileSync(gcc, ['-O2', '-o', program, SOURCE])
      return RunningServer.launch({
        command: [program, String(port)],
        directory,
        cores: cores.server,
        port,
        question: undefined,
      })
    },
  }
}
