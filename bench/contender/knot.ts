import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, findProgram, type Setting, versionOf } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { aaaaQuestion } from '../table.ts'

/** Knot with as many UDP and TCP workers as threads; undefined where it is not installed. */
export function knot(): Contender | undefined {
  const program = findProgram('knotd')
  if (program === undefined) return undefined
  return {
    name: 'Knot',
    version: versionOf(program, '--version'),
    async start(setting: Setting): Promise<RunningServer> {
      const port = await freePort()
      const directory = join(setting.table.directory, 'knot')
      mkdirSync(directory, { recursive: true })
      const config = join(directory, 'knot.conf')
      writeFileSync(config, configText(setting, port, directory))
      return RunningServer.launch({
        command: [program, '-c', config],
        directory,
        cores: setting.cores.server,
        port,
        question: aaaaQuestion(setting.table.tunnels - 1),
      })
    },
  }
}

function configText({ zones, threads }: Setting, port: number, directory: string): string {
  return `server:
  listen: 127.0.0.1@${port}
  rundir: "${directory}"
  udp-workers: ${threads}
  tcp-workers: ${threads}
  background-workers: 1
database:
  storage: "${directory}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "${directory}"
    journal-content: none
    zonefile-sync: -1
    zonefile-load: whole
zone:
${zones.map(({ name, file }) => `  - domain: "${name}."\n    file: "${file}"\n`).join('')}`
}
