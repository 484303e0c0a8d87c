import { type DestinationStream, pino } from 'pino'
import type { LogLevel } from './log-level.ts'
import { LogOutput } from './log-output.ts'

/** The part of pino's logger that the rooms use: an object of facts first, then the sentence. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** The log of a process, which says more or less from one line to the next. */
export interface LeveledLog extends Log {
  /** Lines below it are left out. */
  level: string
}

/**
 * JSON lines on standard error: standard output has the ready line alone. `level` is the configuration's; that of
 * `FREENET6_LOG_LEVEL` comes before it.
 */
export function openLog(level: LogLevel, destination: DestinationStream = new LogOutput()): LeveledLog {
  return pino({ name: 'freenet6', level: levelOfEnvironment() ?? level, base: null }, destination)
}

/** Puts another level of the configuration in force. Throws if the environment has one. */
export function changeLevel(log: LeveledLog, level: LogLevel): void {
  const own = levelOfEnvironment()
  if (own !== undefined) throw new Error(`FREENET6_LOG_LEVEL=${own} comes before it`)
  log.level = level
}

/** Empty is as good as not set: units and containers have lines like `FREENET6_LOG_LEVEL=`. */
function levelOfEnvironment(): string | undefined {
  return process.env.FREENET6_LOG_LEVEL || undefined
}
