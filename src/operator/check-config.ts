import { readConfig } from '../config/config.ts'
import { type CommandOptions, EXIT, type ExitCode } from './exit.ts'

/** `check-config`: one line a mistake on standard error, or one line that says what was read. */
export function checkConfig(options: Pick<CommandOptions, 'config'>): ExitCode {
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') {
    process.stderr.write(`${reading.mistakes.join('\n')}\n`)
    return EXIT.usage
  }
  process.stdout.write(`${reading.config.source}: no mistakes\n`)
  return EXIT.ok
}
