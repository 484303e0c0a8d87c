import { existsSync } from 'node:fs'
import type { Broker } from './broker.ts'
import { compose, databaseFile } from './compose.ts'
import type { Config } from './config/config.ts'
import type { Operated } from './operator/command.ts'
import type { OpenedBroker } from './operator/run-command.ts'
import { Status } from './operator/status.ts'
import { ZoneDumps } from './operator/zone-dumps.ts'
import { openLog } from './shared/log.ts'

/** What commands work on. `threadRestarts`, `troubles` and `reload` are there where the process serves. */
export function operatedBroker(
  config: Config,
  broker: Broker,
  {
    threadRestarts,
    troubles,
    reload,
  }: {
    readonly threadRestarts: (() => number) | undefined
    readonly troubles?: () => readonly string[]
  } & Pick<Operated, 'reload'>,
): Operated {
  const { catalog, table, interfaces, prober } = broker
  const status = new Status({
    config,
    catalog,
    table,
    driver: interfaces.kind,
    prober: prober.kind,
    threadRestarts,
    ...(troubles && { troubles }),
  })
  return {
    operator: broker.operator,
    audit: broker.audit,
    reconcile: threadRestarts && (() => broker.lifecycle.reconcile()),
    status,
    dumps: new ZoneDumps(catalog),
    reload,
    backUp: file => broker.store.backUp(file),
  }
}

/** Opens the broker for one command. Undefined where there is no database yet: only `serve` makes one. */
export async function openForCommand(config: Config): Promise<OpenedBroker | undefined> {
  if (!existsSync(databaseFile(config))) return undefined
  const broker = await compose(config, { log: openLog() })
  return {
    operated: operatedBroker(config, broker, { threadRestarts: undefined, reload: undefined }),
    [Symbol.dispose]: () => broker.close(),
  }
}
