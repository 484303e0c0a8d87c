import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, findProgram, type Setting, versionOf } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { aaaaQuestion } from '../table.ts'

/** BIND as an authoritative server alone; undefined where it is not installed. */
export function bind(): Contender | undefined {
  const program = findProgram('named')
  if (program === undefined) return undefined
  return {
    name: 'BIND',
    version: versionOf(program, '-v'),
    async start(setting: Setting): Promise<RunningServer> {
      const port = await freePort()
      const directory = join(setting.table.directory, 'bind')
      mkdirSync(directory, { recursive: true })
      const config = join(directory, 'named.conf')
      writeFileSync(config, configText(setting, port, directory))
      return RunningServer.launch({
        command: [program, '-g', '-n', String(setting.threads), '-c', config],
        directory,
        cores: setting.cores.server,
        port,
        question: aaaaQuestion(setting.table.tunnels - 1),
      })
    },
  }
}

function configText({ zones }: Setting, port: number, directory: string): string {
  return `options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${join(directory, 'session.key')}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  minimal-responses yes;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  querylog no;
  tcp-clients 1000;
};
controls { };
${zones.map(({ name, file }) => `zone "${name}" { type primary; file "${file}"; };\n`).join('')}`
}
