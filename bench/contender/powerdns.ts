import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Contender, findProgram, type Setting, versionOf } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { aaaaQuestion } from '../table.ts'
import type { ExportedZone } from '../zone-export.ts'

const SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'
const MAX_SQL_BYTES = 2 ** 30

/** PowerDNS on its SQLite backend, caches as they come; undefined where one of the two is not installed. */
export function powerdns(): Contender | undefined {
  const program = findProgram('pdns_server')
  const converter = findProgram('zone2sql')
  if (program === undefined || converter === undefined || !existsSync(SCHEMA)) return undefined
  return {
    name: 'PowerDNS',
    version: versionOf(program, '--version'),
    async start(setting: Setting): Promise<RunningServer> {
      const port = await freePort()
      const directory = join(setting.table.directory, 'powerdns')
      mkdirSync(directory, { recursive: true })
      const database = join(directory, 'zones.sqlite3')
      if (!existsSync(database)) importZones(converter, setting.zones, database)
      writeFileSync(join(directory, 'pdns.conf'), configText(setting, port, directory, database))
      return RunningServer.launch({
        command: [program, `--config-dir=${directory}`],
        directory,
        cores: setting.cores.server,
        port,
        question: aaaaQuestion(setting.table.tunnels - 1),
      })
    },
  }
}

function importZones(converter: string, zones: readonly ExportedZone[], database: string): void {
  const unfinished = `${database}.part`
  rmSync(unfinished, { force: true })
  const db = new DatabaseSync(unfinished)
  try {
    db.exec(readFileSync(SCHEMA, 'utf8'))
    for (const { name, file } of zones) {
      const args = ['--gsqlite', '--transactions', `--zone=${file}`, `--zone-name=${name}`]
      db.exec(
        execFileSync(converter, args, {
          encoding: 'utf8',
          maxBuffer: MAX_SQL_BYTES,
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      )
    }
    db.exec("UPDATE domains SET type = 'NATIVE'")
  } finally {
    db.close()
  }
  renameSync(unfinished, database)
}

function configText({ threads }: Setting, port: number, directory: string, database: string): string {
  return `local-address=127.0.0.1
local-port=${port}
launch=gsqlite3
gsqlite3-database=${database}
gsqlite3-dnssec=no
socket-dir=${directory}
receiver-threads=${threads}
distributor-threads=1
reuseport=${threads > 1 ? 'yes' : 'no'}
daemon=no
guardian=no
loglevel=3
max-tcp-connections=1000
webserver=no
security-poll-suffix=
`
}
