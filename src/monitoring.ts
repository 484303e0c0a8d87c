import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { keptGateways } from './kept-gateways.ts'
import { KernelWatch } from './monitor/kernel-watch.ts'
import { Monitor, type MonitorOptions } from './monitor/monitor.ts'
import { HEARS_ALL_MS } from './shared/lasting-child.ts'
import type { Log } from './shared/log.ts'
import type { Stops } from './stops.ts'

/** The part of the broker whose kernel is watched. */
interface Watched extends Pick<Broker, 'onUnsure'> {
  readonly interfaces: Pick<Broker['interfaces'], 'kind' | 'watch'>
}

/** Programs that listen to the kernel have been started by then, on a busy machine too. */
const STARTS_WITHIN_MS = 1000

/** The draft's monitor, over the broker's tunnels. */
export function monitorOf(
  config: Config,
  {
    broker,
    log,
    readGateways,
  }: { readonly broker: Broker; readonly log: Log } & Pick<MonitorOptions, 'readGateways'>,
): Monitor {
  return new Monitor({
    lifecycle: broker.lifecycle,
    prober: broker.prober,
    intervalMs: config.monitor.interval,
    timeoutMs: config.monitor.timeout,
    anchors: config.monitor.anchors,
    prepare: () => broker.interfaces.prepare(),
    dryRun: broker.interfaces.kind === 'dry-run',
    heard: keptGateways(broker.store, { log }),
    ...(readGateways === undefined ? {} : { readGateways }),
    onCounted: round => {
      broker.history.record(round)
      void broker.traffic.count([...round.answered.keys()])
    },
    log,
  })
}

/**
 * Starts the monitor, and tells it of tunnels that a change has left in doubt, and of what other programs do to the
 * kernel's tunnels. Others are listened to once the first comparison has ended: to hear of each of our own changes while
 * a hundred thousand tunnels come up takes longer than they do. What was changed meanwhile is found by another comparison.
 */
export function watchTunnels(
  monitor: Pick<Monitor, 'start' | 'stop' | 'kernelChanged' | 'kernelTroubled' | 'kernelHarmed'>,
  { broker, stops, log }: { readonly broker: Watched; readonly stops: Stops; readonly log: Log },
): void {
  const compared = monitor.start()
  stops.push('monitor', () => monitor.stop())
  if (broker.interfaces.kind === 'dry-run') return
  broker.onUnsure = () => monitor.kernelTroubled()
  let state: 'waiting' | 'stopped' | { readonly end: () => Promise<void> } = 'waiting'
  stops.push('kernel watch', async () => {
    if (typeof state === 'object') await state.end()
    state = 'stopped'
  })
  void compared.then(() => {
    if (state === 'waiting') state = { end: watchKernel(monitor, broker, log) }
  })
}

/** Returns what ends it. */
function watchKernel(
  monitor: Pick<Monitor, 'kernelChanged' | 'kernelTroubled' | 'kernelHarmed'>,
  { interfaces }: Pick<Watched, 'interfaces'>,
  log: Log,
): () => Promise<void> {
  const watch = new KernelWatch({
    log,
    onChange: () => monitor.kernelChanged(),
    onTrouble: () => monitor.kernelTroubled(),
  })
  watch.start()
  const endHarm = interfaces.watch(() => {
    log.warn({}, 'another program has changed the kernel’s tunnels: they are compared and mended')
    monitor.kernelHarmed()
  })
  const unheard = setTimeout(() => monitor.kernelHarmed(), HEARS_ALL_MS + STARTS_WITHIN_MS)
  return async () => {
    clearTimeout(unheard)
    endHarm()
    await watch.stop()
  }
}
