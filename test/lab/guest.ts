import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { COMPILED } from '../compiled.ts'

const UML_RUN = join(import.meta.dirname, 'uml-run')
const PROJECT_DIR = join(import.meta.dirname, '../..')
/** Minutes on a machine of its own; a guest that takes longer hangs. */
const LIMIT_SECONDS = 900

export interface GuestRun {
  /** Exit status of the command; null where a signal ended the runner. */
  readonly status: number | null
  readonly output: string
}

/**
 * Runs a Node program in a fresh guest, with the project as the working directory. `heard` gets its output as it
 * comes. The guest ends with this process at the latest.
 */
export function runInGuest(
  args: readonly string[],
  {
    limitSeconds = LIMIT_SECONDS,
    memory = '1024M',
    heard = () => {},
  }: { limitSeconds?: number; memory?: string; heard?: (text: string) => void } = {},
): Promise<GuestRun> {
  const { promise, resolve, reject } = Promise.withResolvers<GuestRun>()
  const command = ['-t', String(limitSeconds), '-m', memory, '--', process.execPath, ...args]
  const env = { NODE_COMPILE_CACHE: COMPILED, ...process.env }
  const child = spawn(UML_RUN, command, { cwd: PROJECT_DIR, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const endWithUs = () => child.kill('SIGTERM')
  process.once('exit', endWithUs)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
      heard(text)
    })
  }
  child.on('error', reject)
  child.on('close', status => {
    process.removeListener('exit', endWithUs)
    resolve({ status, output })
  })
  return promise
}
