import { EXIT } from './exit.ts'

type Streams = Pick<NodeJS.Process, 'stdout' | 'stderr'>

/**
 * Ends the process without a word when whoever reads its output has gone, as in `tunnel list | head -1`; its status is
 * that of the command if it has come to one by then, else 0. Any other fault of the output is said, with status 1.
 */
export function endWithReader({ stdout, stderr }: Streams): void {
  stdout.once('error', error => {
    stdout.on('error', () => undefined) // what else is written until the end
    if (!hasLeft(error)) return endWith(stderr, error)
    setImmediate(() => process.exit()) // a command that has just written its last line gives its status first
  })
  stderr.on('error', () => undefined) // nobody is left to be told
}

function hasLeft(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE'
}

function endWith(stderr: Streams['stderr'], { message }: Error): void {
  stderr.write(`freenet6: the output can not be written: ${message}\n`)
  process.exit(EXIT.fault)
}
