/**
 * Makes a database with N active tunnels, for benchmarks and tests: `node bench/fill.ts --config FILE --tunnels N`.
 * Tunnel i has the nicname `hi`, countries come in turn. It goes the way of a registration, but for admission's checks
 * and for interfaces (`dry-run`), and commits many tunnels at a time.
 */
import { parseArgs } from 'node:util'
import { formatIpv4 } from '../src/address/ipv4.ts'
import { formatPrefix } from '../src/address/prefix.ts'
import type { Broker } from '../src/broker.ts'
import { compose } from '../src/compose.ts'
import { type Config, readConfig } from '../src/config/config.ts'
import { Registrations, type TunnelRequest } from '../src/lifecycle/registration.ts'
import { utcSeconds } from '../src/shared/clock.ts'
import type { Log } from '../src/shared/log.ts'
import { countryOfTunnel, nicnameOfTunnel } from './filled-tunnel.ts'

const BATCH = 20_000
const FIRST_ENDPOINT = 0x01000000 // 1.0.0.0
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

const { config, tunnels } = readArguments()
const started = performance.now()
const broker = await compose(config, { log: SILENT }).catch((error: unknown) =>
  fail(error instanceof Error ? error.message : String(error), 1),
)
const registrations = new Registrations({
  store: broker.store,
  log: SILENT,
  maxTunnels: config.tunnel.max_tunnels,
  now: utcSeconds,
  steady: utcSeconds,
  onRegistered: () => undefined,
})
try {
  refuseWithoutRoom(broker)
  for (let first = 0; first < tunnels; first += BATCH)
    await fillBatch(first, Math.min(BATCH, tunnels - first))
} finally {
  broker.close()
}
process.stdout.write(`${tunnels} tunnels in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)

function readArguments(): { readonly config: Config; readonly tunnels: number } {
  const { values } = parseArgs({ options: { config: { type: 'string' }, tunnels: { type: 'string' } } })
  const wanted = Number(values.tunnels)
  if (values.tunnels === undefined || !Number.isSafeInteger(wanted) || wanted < 0)
    fail('usage: node bench/fill.ts --config FILE --tunnels N', 2)
  const reading = readConfig(values.config)
  if (reading.kind === 'mistakes') fail(reading.mistakes.join('\n'), 2)
  const { max_tunnels } = reading.config.tunnel
  if (wanted > max_tunnels) {
    // The rows are served all the same; only registrations stop there.
    warn(`max_tunnels = ${max_tunnels} is less than ${wanted}: the server will take no further registration`)
    reading.config.tunnel.max_tunnels = wanted
  }
  reading.config.tunnel.driver = 'dry-run'
  return { config: reading.config, tunnels: wanted }
}

function refuseWithoutRoom({ store, table }: Broker): void {
  const there = table.count()
  if (there > 0) fail(`${config.data_dir} holds ${there} tunnels already: fill an empty one`, 1)
  if (tunnels <= store.capacity) return
  const prefix = formatPrefix(config.tunnel.prefix)
  fail(`tunnel.prefix = "${prefix}" has room for ${store.capacity} tunnels, not ${tunnels}`, 1)
}

async function fillBatch(first: number, count: number): Promise<void> {
  const requests = Array.from({ length: count }, (_, i) => requestFor(first + i))
  await broker.store.commit(transaction => {
    for (const request of requests) {
      const { outcome } = registrations.insertNew(transaction, request)
      if (outcome.kind === 'refused') fail(outcome.problems.map(({ code }) => code).join('\n'), 1)
    }
    return { outcome: undefined, changes: [] }
  })
  await broker.lifecycle.bringUpNew()
}

function requestFor(index: number): TunnelRequest {
  return {
    kind: { name: 'sit' },
    ipv4: formatIpv4(FIRST_ENDPOINT + index),
    nicname: nicnameOfTunnel(index),
    country: countryOfTunnel(index),
    os: 'linux',
  }
}

function warn(message: string): void {
  process.stderr.write(`${message}\n`)
}

function fail(message: string, status: number): never {
  warn(message)
  process.exit(status)
}
