import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import type { Carrier } from './mail/carrier.ts'
import { Confirmations } from './mail/confirmations.ts'
import { ContactWishes } from './mail/contact-wishes.ts'
import type { Correspondence } from './mail/correspondence.ts'
import { Deliveries } from './mail/deliveries.ts'
import { EndWarnings } from './mail/end-warnings.ts'
import { noHandovers } from './mail/handover-counts.ts'
import { LetterWriter } from './mail/letter-writer.ts'
import { Mailer } from './mail/mailer.ts'
import { RefusedTargets } from './mail/refused-targets.ts'
import { WebhookPoster } from './mail/webhook-poster.ts'
import { WebhookRules } from './mail/webhook-rules.ts'
import type { Log } from './shared/log.ts'
import type { WayName } from './tunnel/contact.ts'
import { Words } from './words/words.ts'

export function correspondenceOf(config: Config, { table, store }: Broker): Correspondence {
  return {
    wishes: contactWishesOf(config, table),
    confirmations: new Confirmations(store),
    handovers: noHandovers(),
    refusedTargets: new RefusedTargets(),
  }
}

/** How it is read where owners want to be told. */
export function contactWishesOf(config: Config, table: Broker['table']): ContactWishes {
  return new ContactWishes({ table, hasMail: config.mail.smtp !== '', webhooks: webhookRulesOf(config) })
}

/** Tells owners what becomes of their tunnels; returns how to stop that. */
export function tellOwners(
  config: Config,
  parts: {
    readonly broker: Broker
    readonly correspondence: Correspondence
    readonly publicUrl: string
    readonly log: Log
    /** In place of those that the configuration names. */
    readonly carriers?: ReadonlyMap<WayName, Carrier>
  },
): () => Promise<void> {
  const { broker, correspondence, publicUrl, log } = parts
  const { store, lifecycle } = broker
  const writer = new LetterWriter({
    ...correspondence,
    tunnels: store.tunnels,
    keepLink: (id, token, target) => lifecycle.proofs.keepLink(id, token, target),
    endOf: tunnel => lifecycle.endOf(tunnel),
    words: Words.load(),
    origin: config.origin,
    publicUrl,
  })
  const carriers = parts.carriers ?? carriersOf(config)
  const deliveries = new Deliveries({
    store,
    notices: lifecycle.notices,
    handovers: correspondence.handovers,
    refusedTargets: correspondence.refusedTargets,
    carriers,
    writer,
    log,
  })
  if (carriers.size === 0) return () => deliveries.stop() // nobody is reached
  const warnings = new EndWarnings({ store, lifecycle, keep: config.monitor.keep / 1000, log })
  void warnings.look()
  return () => {
    warnings.stop()
    return deliveries.stop()
  }
}

function webhookRulesOf({ webhook, tunnel }: Config): WebhookRules {
  return new WebhookRules({ hosts: webhook.hosts, allowHttp: tunnel.allow_special_purpose })
}

function carriersOf(config: Config): ReadonlyMap<WayName, Carrier> {
  const { mail, webhook, tunnel } = config
  const carriers = new Map<WayName, Carrier>()
  if (mail.smtp !== '') carriers.set('email', new Mailer(mail))
  if (webhook.hosts.length > 0)
    carriers.set(
      'webhook',
      new WebhookPoster({
        rules: webhookRulesOf(config),
        allowSpecialPurpose: tunnel.allow_special_purpose,
      }),
    )
  return carriers
}
