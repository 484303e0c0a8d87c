import { problem } from '../shared/problem.ts'
import { parseName } from '../wire/name.ts'
import { checkZoneFile } from '../zone-file/file-report.ts'
import { EXIT, type ExitCode, UsageMistake } from './exit.ts'
import { documentOf } from './problem-document.ts'
import { printProblem } from './run-command.ts'

/**
 * `check-zone FILE [ORIGIN]`: a line for each fault and one on the whole; status 1 if the zone can't be served. Throws
 * UsageMistake if the origin is no name. With `isLenient` it reads as a server with `zones.on_error = "skip-record"` does.
 * With `json`, a file that can't be read is a problem document.
 */
export function checkZone(
  file: string,
  origin: string | undefined,
  { json, isLenient }: { readonly json: boolean; readonly isLenient: boolean },
): ExitCode {
  const name = origin === undefined ? undefined : parseName(origin)
  if (file === '' || (origin !== undefined && name === undefined))
    throw new UsageMistake(`check-zone takes FILE [ORIGIN], ORIGIN a domain name, such as example.net`)
  const onError = isLenient ? 'skip-record' : 'refuse-zone'
  const { lines, unreadable, ...report } = checkZoneFile(file, { onError, ...(name && { origin: name }) })
  if (json && unreadable !== undefined)
    return printProblem(documentOf([problem('file-unreadable', { path: file, reason: unreadable })]), {
      json,
    })
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${lines.join('\n')}\n`)
  return report.faults.some(fault => fault.severity === 'error') ? EXIT.fault : EXIT.ok
}
