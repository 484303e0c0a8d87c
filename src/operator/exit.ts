/** Exit statuses of every command. */
export const EXIT = { ok: 0, fault: 1, usage: 2 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The command line is wrong; the message says how. */
export class UsageMistake extends Error {}

/** What the command line says besides the command. */
export interface CommandOptions {
  readonly config: string | undefined
  readonly json: boolean
}
