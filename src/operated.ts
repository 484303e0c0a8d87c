import type { Broker } from './broker.ts'
import { clientFactsOf, compose } from './compose.ts'
import type { Config } from './config/config.ts'
import { Diagnoses } from './observation/diagnosis.ts'
import type { Operated } from './operator/command.ts'
import { Invitations } from './operator/invitations.ts'
import type { RecentRefusals } from './operator/recent-refusals.ts'
import type { OpenedBroker } from './operator/run-command.ts'
import { Status, type StatusReport } from './operator/status.ts'
import { TunnelDiagnoses } from './operator/tunnel-diagnoses.ts'
import { ZoneDifferences } from './operator/zone-differences.ts'
import { ZoneDumps } from './operator/zone-dumps.ts'
import type { Secondaries } from './secondary/secondaries.ts'
import { utcSeconds } from './shared/clock.ts'
import { isThere } from './shared/denial.ts'
import { openLog } from './shared/log.ts'
import { databaseFile } from './store/database-file.ts'
import { mtuOf } from './tunnel/mtu.ts'
import { formatName, lowerCaseName, parseName } from './wire/name.ts'
import { isSameName } from './wire/wire-name.ts'
import type { Catalog } from './zone/catalog.ts'

/** What commands work on. `threadRestarts`, `tlsExpiries`, `troubles`, `warnings` and `reload` are there where the process serves. */
export function operatedBroker(
  config: Config,
  broker: Broker,
  {
    threadRestarts,
    tlsExpiries,
    troubles,
    warnings,
    secondaries,
    recentRefusals,
    reload,
    restart,
  }: {
    readonly threadRestarts: (() => number) | undefined
    readonly tlsExpiries?: () => Readonly<Record<string, number>>
    readonly troubles?: () => readonly string[]
    readonly warnings?: () => readonly string[]
    readonly secondaries: Secondaries | undefined
    readonly recentRefusals?: RecentRefusals
    readonly restart?: Operated['restart']
  } & Pick<Operated, 'reload'>,
): Operated {
  const { catalog, table, interfaces, prober } = broker
  const status = new Status({
    config,
    catalog,
    table,
    hiddenNames: () => broker.audit.hidden,
    driver: interfaces.kind,
    prober: prober.kind,
    threadRestarts,
    ...(tlsExpiries && { tlsExpiries }),
    ...(troubles && { troubles }),
    ...(warnings && { warnings }),
    secondaries: secondaries && (() => statesOf(secondaries)),
  })
  return {
    operator: broker.operator,
    invitations: new Invitations(broker.store, utcSeconds),
    diagnoses: threadRestarts && diagnosesOf(config, broker),
    audit: broker.audit,
    reconcile: threadRestarts && (() => broker.lifecycle.reconcile()),
    status,
    dumps: new ZoneDumps(catalog),
    differences: new ZoneDifferences(catalog, broker.store.journal),
    recentRefusals,
    reload,
    restart,
    notify: secondaries && (zone => notify(zone, { catalog, secondaries })),
    backUp: file => broker.store.backUp(file),
  }
}

function diagnosesOf(config: Config, { lifecycle, prober, interfaces, table }: Broker): TunnelDiagnoses {
  const facts = clientFactsOf(config)
  const diagnoses = new Diagnoses({
    lifecycle,
    prober,
    timeoutMs: config.monitor.timeout,
    mtuOf: tunnel => mtuOf(tunnel, facts),
    isDryRun: interfaces.kind === 'dry-run',
  })
  return new TunnelDiagnoses({ table, origin: config.origin, diagnose: tunnel => diagnoses.of(tunnel) })
}

/** Opens the broker for one command. Undefined if there is no database yet: only `serve` makes one. */
export async function openForCommand(config: Config): Promise<OpenedBroker | undefined> {
  if (!isThere(databaseFile(config))) return undefined
  const broker = await compose(config, { log: openLog(config.log.level), isForCommand: true })
  return {
    operated: operatedBroker(config, broker, {
      threadRestarts: undefined,
      secondaries: undefined,
      reload: undefined,
    }),
    [Symbol.dispose]: () => broker.close(),
  }
}

function statesOf(secondaries: Secondaries): StatusReport['secondaries'] {
  return secondaries.states().map(({ secondary, apex, serial, answer, unanswered, ...known }) => ({
    address: secondary,
    zone: formatName(apex),
    serial,
    acknowledged: known.acknowledged ?? null,
    transferred: known.transferred ?? null,
    lag: known.lag,
    answer,
    unanswered,
  }))
}

/** Empty if no zone of that name is served. */
function notify(
  zone: string | undefined,
  { catalog, secondaries }: { readonly catalog: Catalog; readonly secondaries: Secondaries },
): readonly { readonly zone: string; readonly secondaries: number }[] {
  const name = zone === undefined ? undefined : parseName(zone)
  if (zone !== undefined && name === undefined) return []
  const wanted = name && lowerCaseName(name)
  return catalog
    .apexes()
    .filter(apex => wanted === undefined || isSameName(apex, 0, wanted, 0))
    .map(apex => ({ zone: formatName(apex), secondaries: secondaries.tell(apex) }))
}
