import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { reverseApex } from '../src/address/reverse-name.ts'
import { compose } from '../src/compose.ts'
import { type Config, readConfig } from '../src/config/config.ts'
import { wireName } from '../src/lifecycle/tunnel-names.ts'
import type { Log } from '../src/shared/log.ts'
import { formatRdata } from '../src/text/rdata.ts'
import { typeText } from '../src/wire/codes.ts'
import { formatName, lowerCaseName } from '../src/wire/name.ts'
import type { Catalog } from '../src/zone/catalog.ts'
import type { Rrset } from '../src/zone/rrset.ts'
import { loadZonesDirectory } from '../src/zone-file/zone-file.ts'
import type { Table } from './table.ts'

/** A zone as the peers load it. */
export interface ExportedZone {
  /** Without the final dot. */
  readonly name: string
  readonly file: string
}

const SLICE = 10_000
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Writes out, as master files, all that our server answers from with this table: the peers hold the same records. */
export async function exportZones(table: Table): Promise<readonly ExportedZone[]> {
  const directory = join(table.directory, 'export')
  mkdirSync(directory, { recursive: true })
  const reading = readConfig(table.config)
  if (reading.kind === 'mistakes') throw new Error(reading.mistakes.join('\n'))
  const broker = await compose(reading.config, { log: SILENT })
  try {
    return zoneNames(reading.config).map(name => {
      const file = join(directory, `${name}.zone`)
      if (!existsSync(file)) writeZone(broker.catalog, wireName(name), file)
      return { name, file }
    })
  } finally {
    broker.close()
  }
}

/** The zones of tunnels, and those of files, each once; without the final dot. */
function zoneNames(config: Config): readonly string[] {
  const files = [...loadZonesDirectory(config.zones_dir)].flatMap(({ apex }) => apex ?? [])
  const fileNames = files.map(apex => formatName(lowerCaseName(apex)).replace(/\.$/, ''))
  return [...new Set([config.origin, reverseApex(config.tunnel.prefix), ...fileNames])]
}

function writeZone(catalog: Catalog, apex: Uint8Array, file: string): void {
  const unfinished = `${file}.part`
  const descriptor = openSync(unfinished, 'w')
  for (let after: Uint8Array | undefined; ; ) {
    const rrsets = catalog.walk(apex, after, SLICE)
    after = rrsets.at(-1)?.owner
    if (after === undefined) break
    writeSync(descriptor, rrsets.map(recordLines).join(''))
  }
  closeSync(descriptor)
  renameSync(unfinished, file)
}

function recordLines({ owner, type, ttl, rdatas }: Rrset): string {
  const head = `${formatName(owner)} ${ttl} IN ${typeText(type)} `
  return rdatas.map(rdata => `${head}${formatRdata(type, rdata)}\n`).join('')
}
