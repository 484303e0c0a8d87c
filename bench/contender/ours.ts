import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VERSION } from '../../src/shared/version.ts'
import type { Contender, Setting } from '../contender.ts'
import { freePort, RunningServer } from '../running-server.ts'
import { serveCommand } from '../serve-command.ts'
import { aaaaQuestion, configText } from '../table.ts'

/** This server, as `npm start` runs it: web, monitor and database included, on the database of the table. */
export const OURS: Contender = {
  name: 'freenet6',
  version: `freenet6 ${VERSION}, Node ${process.version}`,
  async start({ table, threads, cores }: Setting): Promise<RunningServer> {
    const port = await freePort()
    const config = join(table.directory, 'serve.toml')
    writeFileSync(config, configText({ port, threads }))
    return RunningServer.launch({
      command: serveCommand(config),
      directory: table.directory,
      cores: cores.server,
      port,
      question: aaaaQuestion(table.tunnels - 1),
    })
  },
}
