import type { Broker } from './broker.ts'
import { type Config, readConfig } from './config/config.ts'
import type { Log } from './shared/log.ts'
import type { ReloadReport } from './zone-loading.ts'

/**
 * Reload, by SIGHUP or by command: reads the zone files and the configuration again. Static zones change at once; a value
 * of the configuration that differs is named, because it takes a restart. Calls while one runs share it.
 */
export class Reload {
  readonly #config: Config
  readonly #broker: Pick<Broker, 'statics' | 'store' | 'audit'>
  readonly #log: Log
  #running: Promise<ReloadReport> | undefined

  constructor(
    config: Config,
    { broker, log }: { readonly broker: Pick<Broker, 'statics' | 'store' | 'audit'>; readonly log: Log },
  ) {
    this.#config = config
    this.#broker = broker
    this.#log = log
  }

  /** Never rejects: what could not be done is in the report, and in the log. */
  run(): Promise<ReloadReport> {
    this.#running ??= this.#reload().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #reload(): Promise<ReloadReport> {
    const kept: string[] = [...configurationKept(this.#config)]
    const taken: string[] = []
    try {
      const zones = await this.#broker.statics.reload(this.#broker.store)
      taken.push(...zones.taken)
      kept.push(...zones.kept)
      await this.#broker.audit.run() // a tunnel whose name a file gives now goes, and one whose name is free comes
    } catch (error) {
      kept.push(error instanceof Error ? error.message : String(error))
    }
    for (const line of kept) this.#log.error({}, line)
    this.#log.info({ taken: taken.length, kept: kept.length }, 'reloaded')
    return { taken, kept }
  }
}

/** One line for each mistake of the configuration, or for each key whose value needs a restart. */
function configurationKept(running: Config): readonly string[] {
  if (running.demo) return []
  const reading = readConfig(running.source)
  if (reading.kind === 'mistakes') return reading.mistakes
  return changedKeys('', running, reading.config).map(
    key => `${running.source}: ${key} has changed: it takes a restart`,
  )
}

function changedKeys(path: string, before: unknown, after: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isTable(before) || !isTable(after)) return [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap(key => changedKeys(path === '' ? key : `${path}.${key}`, before[key], after[key]))
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}
