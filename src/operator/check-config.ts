import { readConfig } from '../config/config.ts'
import { type CommandOptions, EXIT, type ExitCode } from './exit.ts'
import { misconfigured } from './run-command.ts'

/** `check-config`: one line a mistake on standard error, or one line that says what was read. */
export function checkConfig(options: CommandOptions): ExitCode {
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return misconfigured(reading.mistakes, options)
  const { source } = reading.config
  process.stdout.write(options.json ? `${JSON.stringify({ source })}\n` : `${source}: no mistakes\n`)
  return EXIT.ok
}
