import { accessSync, constants, existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type Config, readConfig } from '../config/config.ts'
import { formatName, lowerCaseName } from '../wire/name.ts'
import { faultLine } from '../zone-file/zone-fault.ts'
import { type LoadedZone, loadZonesDirectory } from '../zone-file/zone-file.ts'
import { type CommandOptions, EXIT, type ExitCode } from './exit.ts'
import { misconfigured } from './run-command.ts'

/**
 * `check-config`: reads what `serve` would read. One line a mistake on standard error, and status 2; else the warnings
 * and one line on the whole.
 */
export function checkConfig(options: CommandOptions): ExitCode {
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return misconfigured(reading.mistakes, options)
  const { config } = reading
  const zones = checkZones(config)
  const mistakes = [...zones.mistakes, ...dataMistakes(config)]
  if (mistakes.length > 0) return misconfigured(mistakes, options)
  const warnings = [...reading.warnings, ...zones.warnings]
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ source: config.source, warnings })}\n`
      : [...warnings.map(line => `warning: ${line}`), `${config.source}: no mistakes`, ''].join('\n'),
  )
  return EXIT.ok
}

interface Findings {
  readonly mistakes: readonly string[]
  readonly warnings: readonly string[]
}

function checkZones({ zones_dir }: Config): Findings {
  const zones = existsSync(zones_dir) ? loadZonesDirectory(zones_dir) : []
  const faults = zones.flatMap(zone => zone.faults)
  const linesOf = (severity: 'error' | 'warning') =>
    faults.filter(fault => fault.severity === severity).map(faultLine)
  return {
    mistakes: [...linesOf('error'), ...zonesTwice(zones)],
    warnings: [...linesOf('warning'), ...zones.flatMap(unlikeItsName)],
  }
}

function zonesTwice(zones: readonly LoadedZone[]): string[] {
  const files = new Map<string, string>()
  const mistakes: string[] = []
  for (const { file, apex } of zones) {
    if (apex === undefined) continue
    const name = formatName(lowerCaseName(apex))
    const first = files.get(name)
    if (first === undefined) files.set(name, file)
    else mistakes.push(`${file}: error: ${first} has the zone ${name} already`)
  }
  return mistakes
}

/** A file may be called as one likes; but whoever looks for the zone looks for its name. */
function unlikeItsName({ file, apex }: LoadedZone): string[] {
  if (apex === undefined) return []
  const name = formatName(lowerCaseName(apex))
  const called = `${basename(file, '.zone').toLowerCase()}.`
  return called === name ? [] : [`${file}: has the zone ${name}, unlike its name`]
}

/** A directory that is not there yet is made by `serve`: then the nearest one above it counts. */
function dataMistakes({ data_dir }: Config): string[] {
  let directory = data_dir
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory)
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return []
  } catch {
    return [`data_dir = ${JSON.stringify(data_dir)}: ${directory} can't be written`]
  }
}
