import { checkZoneFile } from '../zone-file/file-report.ts'
import { EXIT, type ExitCode } from './exit.ts'

/**
 * `check-zone FILE [ORIGIN]`: a line for each fault and one on the whole; status 1 if the zone can't be served. With
 * `isLenient` it reads as a server with `zones.on_error = "skip-record"` does.
 */
export function checkZone(
  file: string,
  origin: string | undefined,
  { json, isLenient }: { readonly json: boolean; readonly isLenient: boolean },
): ExitCode {
  const onError = isLenient ? 'skip-record' : 'refuse-zone'
  const { lines, ...report } = checkZoneFile(file, origin, { onError })
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${lines.join('\n')}\n`)
  return report.faults.some(fault => fault.severity === 'error') ? EXIT.fault : EXIT.ok
}
