import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { Secondaries } from './secondary/secondaries.ts'
import type { Log } from './shared/log.ts'
import { lowerCaseName, parseName } from './wire/name.ts'
import { catalogApexOf } from './zone-apexes.ts'

/** The keys of the configuration that `secondariesOf` reads. */
export const SECONDARIES_AT_RUN_TIME = ['dns.secondaries']

/** Makes the list of those who follow our zones, and tells them of each commit from `start` on. */
export function followed(
  config: Config,
  { broker, log }: { readonly broker: Pick<Broker, 'catalog' | 'store'>; readonly log: Log },
): { readonly secondaries: Secondaries; readonly start: () => () => void } {
  const { dns } = config
  const { catalog, store } = broker
  const secondaries = new Secondaries({
    catalog,
    ...secondariesOf(config),
    source: dns.notify_source,
    log,
    catalogZone: catalogApexOf(config),
  })
  const start = () => {
    const stopListening = store.onCommitted(({ serials }) => {
      for (const { apex } of serials) secondaries.notify(apex)
    })
    for (const apex of catalog.apexes()) secondaries.notify(apex) // RFC 1996 4.1: after a start too
    return () => {
      stopListening()
      secondaries.stop()
    }
  }
  return { secondaries, start }
}

/** Who follows our zones, and the keys that they are told with. */
export function secondariesOf({ dns }: Config): Parameters<Secondaries['renew']>[0] {
  const secondaries = dns.secondaries.map(({ address, key }) => ({
    endpoint: address,
    keyName: key === undefined ? undefined : lowerCaseName(parseName(key) ?? Uint8Array.of(0)),
  }))
  return { secondaries, keys: dns.keys }
}
