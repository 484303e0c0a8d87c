import type { Broker } from './broker.ts'
import type { Care } from './lifecycle/audit.ts'
import type { Log } from './shared/log.ts'

const AUDIT_INTERVAL_MS = 60_000
/** Of the audits by the clock every tenth is thorough; those for a reason all are. */
const THOROUGH_EVERY = 10

/**
 * The audit: every minute, and at once when another program has committed to the database; then rows are counted afresh,
 * new ones brought up, and the kernel is reconciled too. Every minute dormant tunnels end whose time is over. Returns how to stop it.
 */
export function keepAudited(parts: {
  readonly broker: Pick<Broker, 'audit' | 'lifecycle' | 'store'>
  readonly monitor: { wake(): void }
  readonly metrics: { countAudit(differences: number): void }
  readonly log: Log
}): () => void {
  const { broker, monitor, metrics, log } = parts
  let audits = 0
  const audit = async (care: Care) => {
    try {
      metrics.countAudit((await broker.audit.run(care)).differences)
    } catch (error) {
      broker.store.noteFault(error)
      log.error({ err: error }, 'audit failed')
    }
  }
  const endDormant = async () => {
    try {
      await broker.lifecycle.endDormant()
    } catch (error) {
      log.error({ err: error }, 'dormant tunnels could not be ended')
    }
  }
  const timer = setInterval(() => {
    void audit(++audits % THOROUGH_EVERY === 0 ? 'thorough' : 'quick')
    void endDormant()
  }, AUDIT_INTERVAL_MS)
  const stopListening = broker.store.onForeignCommit(() => {
    log.info({}, 'another program has written to the table')
    monitor.wake()
    void audit('thorough')
    broker.lifecycle.recount()
    broker.lifecycle.reconcile().catch((error: unknown) => log.error({ err: error }, 'reconciliation failed'))
  })
  return () => {
    clearInterval(timer)
    stopListening()
  }
}
