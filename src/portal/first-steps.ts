import type { OperatingSystem } from './system-manifest.ts'
import { scriptFileName } from './tunnel-scripts.ts'

/** A line to copy, and the sentence that stands before it. */
export interface Step {
  readonly sentence: 'step-fetch' | 'step-read' | 'step-run' | 'step-run-windows'
  readonly command: string
}

/** The shortest way to a tunnel on a system: fetch the script, read it, run it. Nothing runs that nobody could read. */
export function firstSteps(ending: OperatingSystem['ending'], scriptUrl: string): readonly Step[] {
  const file = scriptFileName('up', ending)
  const fetch = { sentence: 'step-fetch', command: `curl -o ${file} '${scriptUrl}'` } as const
  const read = { sentence: 'step-read', command: `less ${file}` } as const
  switch (ending) {
    case 'sh':
      return [fetch, read, { sentence: 'step-run', command: `sudo sh ${file}` }]
    case 'cmd':
      return [
        { sentence: 'step-fetch', command: `curl.exe -o ${file} "${scriptUrl}"` },
        { sentence: 'step-read', command: `notepad ${file}` },
        { sentence: 'step-run-windows', command: file },
      ]
    case 'txt':
    case 'rsc':
      return [fetch, read]
    default:
      return ending satisfies never
  }
}
