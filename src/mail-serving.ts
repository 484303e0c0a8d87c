import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { Mailer } from './mail/mailer.ts'
import { Notices } from './mail/notices.ts'
import type { Log } from './shared/log.ts'
import { Words } from './words/words.ts'

/** Undefined where the configuration names no mail server. */
export function mailerOf({ mail: { smtp, from } }: Config, log: Log): Mailer | undefined {
  return smtp === '' ? undefined : new Mailer({ smtp, from, log })
}

/** Tells owners what becomes of their tunnels; returns how to stop that. */
export function noticesOf(
  config: Config,
  parts: {
    readonly broker: Broker
    readonly mailer: Mailer
    readonly publicUrl: string
    readonly log: Log
  },
): () => void {
  const { broker, mailer, publicUrl, log } = parts
  const { store, lifecycle } = broker
  const { origin } = config
  const notices = new Notices({ store, lifecycle, mailer, words: Words.load(), origin, publicUrl, log })
  return () => notices.stop()
}
