import { accessSync, constants, existsSync, lstatSync } from 'node:fs'
import { basename, dirname, sep } from 'node:path'
import { type Config, readConfig } from '../config/config.ts'
import { tlsFileMistakes, tlsFileWarnings } from '../config/tls-rules.ts'
import { formatName, lowerCaseName } from '../wire/name.ts'
import type { ZoneFault } from '../zone-file/zone-fault.ts'
import { faultLine } from '../zone-file/zone-fault.ts'
import { type LoadedZone, loadZonesDirectory } from '../zone-file/zone-file.ts'
import { lacksDirectory, NO_SOCKET } from './control.ts'
import { type CommandOptions, EXIT, type ExitCode } from './exit.ts'
import { misconfigured } from './run-command.ts'
import { groundWarnings } from './tunnel-ground.ts'

/**
 * `check-config`: reads what `serve` would read. One line a mistake on standard error, and status 2; else the warnings
 * and one line on the whole. `tableWarnings` looks at the database.
 */
export async function checkConfig(
  options: CommandOptions,
  { tableWarnings }: { readonly tableWarnings: (config: Config) => Promise<readonly string[]> },
): Promise<ExitCode> {
  const reading = readConfig(options.config)
  if (reading.kind === 'mistakes') return misconfigured(reading.mistakes, options)
  const { config } = reading
  const zones = checkZones(config)
  const socket = checkSocket(config)
  const mistakes = [
    ...zones.mistakes,
    ...dataMistakes(config),
    ...socket.mistakes,
    ...tlsFileMistakes(config),
  ]
  if (mistakes.length > 0) return misconfigured(mistakes, options)
  const warnings = [
    ...reading.warnings,
    ...tlsFileWarnings(config),
    ...zones.warnings,
    ...socket.warnings,
    ...(await tableWarnings(config)),
  ]
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

function checkZones(config: Config): Findings {
  const {
    zones_dir,
    zones: { on_error },
  } = config
  const zones = existsSync(zones_dir) ? [...loadZonesDirectory(zones_dir, { onError: on_error })] : []
  const faults = zones.flatMap(zone => zone.faults)
  const linesOf = (...severities: readonly ZoneFault['severity'][]) =>
    faults.filter(fault => severities.includes(fault.severity)).map(faultLine)
  return {
    mistakes: [...linesOf('error'), ...zones.flatMap(zone => takenByList(zone, config))],
    warnings: [
      ...linesOf('warning', 'skipped'),
      ...zones.flatMap(unlikeItsName),
      ...zones.flatMap(zone => groundWarnings(zone, config)),
      ...originUnknown(zones, config),
    ],
  }
}

/** Where files give zones and none is the tunnels' own, its name is most likely misspelt. */
function originUnknown(zones: readonly LoadedZone[], { origin, demo }: Config): string[] {
  const names = zones.flatMap(({ apex }) => (apex === undefined ? [] : [formatName(lowerCaseName(apex))]))
  if (demo || names.length === 0 || names.includes(`${origin}.`)) return []
  return [`origin = "${origin}": no zone file gives it: a plain SOA, NS and glue will be made`]
}

/** `serve` makes that zone itself, and would not start. */
function takenByList({ file, apex }: LoadedZone, { dns }: Config): string[] {
  const list = `${dns.catalog_zone.replace(/\.$/, '')}.`.toLowerCase()
  if (apex === undefined || formatName(lowerCaseName(apex)) !== list) return []
  return [`${file}: gives the zone ${list}, which dns.catalog_zone names: it is made of all others`]
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

const NOTHING: Findings = { mistakes: [], warnings: [] }
/** Empty after a boot: a directory there is made when the service is started. */
const RUN = /^(?:\/var)?\/run\//

/** `serve` makes the socket, replaces one that was left over, and makes no directory but that of the data. */
function checkSocket({ control: { socket }, data_dir }: Config): Findings {
  const line = `control.socket = ${JSON.stringify(socket)}`
  const directory = dirname(socket)
  if (!lacksDirectory(socket)) return isInTheWay(socket) ? mistake(`${line}: ${NO_SOCKET}`) : NOTHING
  if (`${data_dir}${sep}`.startsWith(`${directory}${sep}`)) return NOTHING
  if (!RUN.test(socket)) return mistake(`${line}: there is no directory ${directory}`)
  const maker = 'the service manager must make it at the start (systemd: RuntimeDirectory=)'
  return { mistakes: [], warnings: [`${line}: there is no directory ${directory} yet: ${maker}`] }
}

function mistake(line: string): Findings {
  return { mistakes: [line], warnings: [] }
}

/** What can't be looked at by whoever checks may be a socket. */
function isInTheWay(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false
  } catch {
    return false
  }
}
