import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import { KernelWatch } from './monitor/kernel-watch.ts'
import { Monitor } from './monitor/monitor.ts'
import type { Log } from './shared/log.ts'
import type { Stops } from './stops.ts'

/** The draft's monitor, over the broker's tunnels. */
export function monitorOf(
  config: Config,
  { broker, log }: { readonly broker: Broker; readonly log: Log },
): Monitor {
  return new Monitor({
    lifecycle: broker.lifecycle,
    prober: broker.prober,
    intervalMs: config.monitor.interval,
    timeoutMs: config.monitor.timeout,
    anchors: config.monitor.anchors,
    prepare: () => broker.interfaces.prepare(),
    dryRun: broker.interfaces.kind === 'dry-run',
    onCounted: round => {
      broker.history.record(round)
      void broker.traffic.count([...round.answered.keys()])
    },
    log,
  })
}

/** Starts the monitor, and tells it of what other programs do to the kernel's tunnels. */
export function watchTunnels(
  monitor: Monitor,
  { broker, stops, log }: { readonly broker: Broker; readonly stops: Stops; readonly log: Log },
): void {
  monitor.start()
  stops.push(() => monitor.stop())
  if (broker.interfaces.kind !== 'dry-run') {
    const watch = new KernelWatch({
      log,
      onChange: () => monitor.kernelChanged(),
      onTrouble: () => monitor.kernelTroubled(),
    })
    watch.start()
    stops.push(() => watch.stop())
  }
  stops.push(
    broker.interfaces.watch(() => {
      log.warn({}, 'another program has changed the kernel’s tunnels: they are compared and mended')
      monitor.kernelHarmed()
    }),
  )
}
