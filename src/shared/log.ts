import { type DestinationStream, pino } from 'pino'
import { LogOutput } from './log-output.ts'

/** The part of pino's logger that the rooms use: an object of facts first, then the sentence. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** JSON lines on standard error: standard output has the ready line alone. `FREENET6_LOG_LEVEL` sets the level. */
export function openLog(destination: DestinationStream = new LogOutput()): Log {
  return pino({ name: 'freenet6', level: process.env.FREENET6_LOG_LEVEL ?? 'info', base: null }, destination)
}
