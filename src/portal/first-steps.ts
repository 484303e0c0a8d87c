import type { OperatingSystem } from './system-manifest.ts'
import { scriptFileName } from './tunnel-scripts.ts'

/** A line to copy, and the sentence that stands before it. */
export interface Step {
  readonly sentence: 'step-fetch' | 'step-read' | 'step-run' | 'step-run-windows'
  readonly command: string
}

type System = Pick<OperatingSystem, 'steps' | 'ending'>

/**
 * The shortest way to a tunnel on a system: fetch the script, read it, run it. Nothing runs that nobody could read.
 * None on a system where nobody types commands.
 */
export function firstSteps({ steps, ending }: System, url: string): readonly Step[] {
  if (steps === undefined) return []
  const file = scriptFileName('up', ending)
  const fetch = { sentence: 'step-fetch', command: filledIn(steps.fetch, { file, url }) } as const
  const read = { sentence: 'step-read', command: filledIn(steps.read, { file }) } as const
  if (steps.run === undefined) return [fetch, read]
  const sentence = ending === 'cmd' ? 'step-run-windows' : 'step-run'
  return [fetch, read, { sentence, command: filledIn(steps.run, { file }) }]
}

/** The command that puts the script where update clients run it; empty if the system has no place for it. */
export function keepCommand({ steps, ending }: System): string {
  return filledIn(steps?.keep ?? '', { file: scriptFileName('up', ending) })
}

/** The command with each `{name}` replaced by its value. */
function filledIn(command: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(`{${name}}`, () => value),
    command,
  )
}
