import { checkZoneFile } from '../zone-file/file-report.ts'
import { EXIT, type ExitCode, UsageMistake } from './exit.ts'

/**
 * `check-zone FILE [ORIGIN]`: a line for each fault and one on the whole; status 1 where the zone can't be served.
 * With `isLenient` it reads as a server with `zones.on_error = "skip-record"` does.
 */
export function checkZone(words: readonly string[], options: { readonly isLenient: boolean }): ExitCode {
  const [file, origin, ...rest] = words
  if (file === undefined || rest.length > 0)
    throw new UsageMistake('check-zone takes a file and, if you like, its origin')
  const onError = options.isLenient ? 'skip-record' : 'refuse-zone'
  const { faults, lines } = checkZoneFile(file, origin, { onError })
  process.stdout.write(`${lines.join('\n')}\n`)
  return faults.some(fault => fault.severity === 'error') ? EXIT.fault : EXIT.ok
}
