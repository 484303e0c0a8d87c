import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, findProgram, type Setting, versionOf } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { aaaaQuestion } from '../table.ts'

/** NSD without its rate limit; undefined where it is not installed. */
export function nsd(): Contender | undefined {
  const program = findProgram('nsd')
  if (program === undefined) return undefined
  return {
    name: 'NSD',
    version: versionOf(program, '-v'),
    async start(setting: Setting): Promise<RunningServer> {
      const port = await freePort()
      const directory = join(setting.table.directory, 'nsd')
      mkdirSync(directory, { recursive: true })
      const config = join(directory, 'nsd.conf')
      writeFileSync(config, configText(setting, port, directory))
      return RunningServer.launch({
        command: [program, '-d', '-c', config],
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
  ip-address: 127.0.0.1@${port}
  server-count: ${threads}
  reuseport: ${threads > 1 ? 'yes' : 'no'}
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "${directory}"
  xfrdfile: "${join(directory, 'xfrd.state')}"
  zonelistfile: "${join(directory, 'zone.list')}"
  xfrdir: "${directory}"
  minimal-responses: yes
  rrl-ratelimit: 0
  tcp-count: 1000
remote-control:
  control-enable: no
${zones.map(({ name, file }) => `zone:\n  name: "${name}"\n  zonefile: "${file}"\n`).join('')}`
}
