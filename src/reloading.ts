import type { Broker } from './broker.ts'
import { changedKeys, withKey } from './config/changed-keys.ts'
import { type Config, readConfig } from './config/config.ts'
import { keepGivenZones } from './kept-zones.ts'
import type { Log } from './shared/log.ts'
import type { ReloadReport } from './zone-file-book.ts'

/** A part of the running process that takes other values of some keys of the configuration. */
export interface Changeable {
  /** As they stand in the file: `dns.keys`. */
  readonly keys: readonly string[]
  /** Puts the values of a whole configuration in force, or throws and goes on with those before. */
  readonly change: (config: Config) => Promise<void> | void
}

/** Milliseconds until it is tried again what the store could not write. */
const RETRY_MS = 2000

type ReloadedBroker = Pick<Broker, 'statics' | 'store'> & { readonly audit: Pick<Broker['audit'], 'run'> }

/**
 * Reload, by SIGHUP or by command: reads the zone files and the configuration again. Static zones change at once, and so
 * do the values that a running part can take; any other that differs is named, because it takes a restart.
 */
export class Reload {
  #config: Config
  readonly #broker: ReloadedBroker
  readonly #changeable: readonly Changeable[]
  readonly #reread: () => readonly string[]
  readonly #log: Log
  #running: Promise<ReloadReport> | undefined
  /** Begins when the one that runs has ended. */
  #next: Promise<ReloadReport> | undefined
  #retry: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(
    config: Config,
    parts: {
      readonly broker: ReloadedBroker
      readonly changeable: readonly Changeable[]
      /** Reads other files again that are in use, and names them; throws if they can't be used. */
      readonly reread?: () => readonly string[]
      readonly log: Log
    },
  ) {
    this.#config = config
    this.#broker = parts.broker
    this.#changeable = parts.changeable
    this.#reread = parts.reread ?? (() => [])
    this.#log = parts.log
  }

  /** The configuration as it was read at the start, with what reloads have changed. */
  get inForce(): Config {
    return this.#config
  }

  /**
   * Never rejects: what could not be done is in the report, and in the log. Calls while one runs share one further: the
   * one that runs may have read its files before they were written.
   */
  run(): Promise<ReloadReport> {
    if (this.#running === undefined) return this.#begin()
    this.#next ??= this.#running.then(() => this.#begin())
    return this.#next
  }

  /** Tries nothing again. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#retry)
  }

  #begin(): Promise<ReloadReport> {
    this.#next = undefined
    const running = this.#reload().finally(() => {
      if (this.#next === undefined) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #reload(): Promise<ReloadReport> {
    const report: ReloadReport = { taken: [], kept: [] }
    await this.#reloadConfiguration(report)
    try {
      report.taken.push(...this.#reread())
    } catch (error) {
      report.kept.push(messageOf(error))
    }
    try {
      const zones = await this.#broker.statics.reload(this.#broker.store)
      report.taken.push(...zones.taken)
      report.kept.push(...zones.kept)
      keepGivenZones(this.#config.zones_dir, { ...this.#broker, log: this.#log })
      await this.#broker.audit.run() // a tunnel whose name a file gives now goes, and one whose name is free comes
    } catch (error) {
      report.kept.push(messageOf(error))
    }
    for (const line of report.kept) this.#log.error({}, line)
    this.#log.info({ taken: report.taken.length, kept: report.kept.length }, 'reloaded')
    this.#retryLater()
    return report
  }

  #retryLater(): void {
    clearTimeout(this.#retry)
    if (this.#isStopped || !this.#broker.statics.isKeptBack) return
    this.#retry = setTimeout(() => void this.#retryZones(), RETRY_MS).unref()
  }

  /** What a full disk has kept back is taken when there is room; a reload meanwhile is the better one. Never rejects. */
  async #retryZones(): Promise<void> {
    const { statics, store, audit } = this.#broker
    if (this.#running !== undefined) return // and its end comes back here
    if (store.troubles.length > 0) return this.#retryLater()
    const retried = statics.retry(store).then(async report => {
      if (report.taken.length === 0) return report
      this.#log.info({ files: report.taken }, 'zones that the database could not take are taken')
      await audit.run()
      return report
    })
    this.#running = retried
      .catch((error: unknown): ReloadReport => ({ taken: [], kept: [messageOf(error)] }))
      .finally(() => {
        if (this.#next === undefined) this.#running = undefined
      })
    await this.#running
    this.#retryLater()
  }

  /** With a mistake anywhere in the file nothing of it is taken. */
  async #reloadConfiguration(report: ReloadReport): Promise<void> {
    const { source, demo } = this.#config
    if (demo) return
    const reading = readConfig(source)
    if (reading.kind === 'mistakes') {
      report.kept.push(...reading.mistakes)
      return
    }
    const waiting = new Set(changedKeys(this.#config, reading.config))
    for (const { keys, change } of this.#changeable) {
      const own = [...waiting].filter(key => keys.some(one => key === one || key.startsWith(`${one}.`)))
      if (own.length === 0) continue
      for (const key of own) waiting.delete(key)
      try {
        await change(reading.config)
        for (const key of own) this.#config = withKey(this.#config, key, reading.config)
        report.taken.push(...own.map(key => `${source}: ${key}`))
      } catch (error) {
        report.kept.push(...own.map(key => `${source}: ${key}: ${messageOf(error)}`))
      }
    }
    for (const key of waiting) report.kept.push(`${source}: ${key} has changed: ${effortFor(key)}`)
  }
}

/** What it takes until another value of a key is in force; `freenet6 restart` looks for the process at the new place. */
function effortFor(key: string): string {
  if (key === 'data_dir')
    return 'it takes a stop and a start, and what is in the old directory moved to the new one in between'
  return key === 'control.socket' ? 'it takes a stop and a start' : 'it takes a restart'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
