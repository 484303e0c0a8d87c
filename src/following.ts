import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { type FollowedBy, Secondaries } from './secondary/secondaries.ts'
import type { Log } from './shared/log.ts'
import { lowerCaseName, parseName } from './wire/name.ts'

/** The keys of the configuration that say who follows, beside those of the nameserver. */
export const FOLLOWING_KEYS_AT_RUN_TIME = ['dns.secondaries', 'dns.notify_source']

/** Those who follow our zones, as the configuration names them. */
export function followedBy({ dns }: Config): FollowedBy {
  return {
    secondaries: dns.secondaries.map(({ address, key }) => ({
      endpoint: address,
      keyName: key === undefined ? undefined : lowerCaseName(parseName(key) ?? Uint8Array.of(0)),
    })),
    keys: dns.keys,
    source: dns.notify_source,
  }
}

/** Makes the list of those who follow our zones; they are told of nothing yet. */
export function followersOf(
  config: Config,
  { broker, log }: { readonly broker: Pick<Broker, 'catalog'>; readonly log: Log },
): Secondaries {
  return new Secondaries(followedBy(config), { catalog: broker.catalog, log })
}

/** Tells them of every zone, as is due after a start (RFC 1996 4.1), and of each commit from now on. */
export function startTelling(
  secondaries: Secondaries,
  { catalog, store }: Pick<Broker, 'catalog' | 'store'>,
): () => void {
  const stopListening = store.onCommitted(({ serials }) => {
    for (const { apex } of serials) secondaries.notify(apex)
  })
  for (const apex of catalog.apexes()) secondaries.notify(apex)
  return () => {
    stopListening()
    secondaries.stop()
  }
}
