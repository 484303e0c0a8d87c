/**
 * Makes a database with N active tunnels, for benchmarks and tests: `node bench/fill.ts --config FILE --tunnels N`.
 * Tunnel i has the nicname `hi`, countries come in turn. It goes the way of a registration, but for admission's checks
 * and for interfaces (`dry-run`), and commits many tunnels at a time.
 */
import { parseArgs } from 'node:util'
import { formatIpv4 } from '../src/address/ipv4.ts'
import { openBroker } from '../src/broker.ts'
import { readConfig } from '../src/config.ts'
import type { Log } from '../src/log.ts'
import { COUNTRIES } from '../src/tunnel/country.ts'
import type { TunnelRequest } from '../src/tunnel/lifecycle.ts'

const BATCH = 5000
const FIRST_ENDPOINT = 0x01000000 // 1.0.0.0
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

const { values } = parseArgs({ options: { config: { type: 'string' }, tunnels: { type: 'string' } } })
const wanted = Number(values.tunnels)
if (!Number.isSafeInteger(wanted) || wanted < 0)
  fail('usage: node bench/fill.ts --config FILE --tunnels N', 2)
const reading = readConfig(values.config)
if (reading.kind === 'mistakes') fail(reading.mistakes.join('\n'), 2)

const { config } = reading
config.tunnel.driver = 'dry-run'
config.tunnel.max_tunnels = Math.max(config.tunnel.max_tunnels, wanted)
const broker = await openBroker(config, SILENT)
const codes = COUNTRIES.map(country => country.code).sort()
const started = performance.now()
try {
  for (let first = 0; first < wanted; first += BATCH) {
    const requests = Array.from({ length: Math.min(BATCH, wanted - first) }, (_, i) => requestFor(first + i))
    const refusal = broker.lifecycle
      .registerAll(requests)
      .find(registration => registration.kind === 'refused')
    if (refusal?.kind === 'refused') fail(refusal.problems.map(problem => problem.detail).join('\n'), 1)
    await broker.lifecycle.bringUpNew()
  }
} finally {
  broker.close()
}
process.stdout.write(`${wanted} tunnels in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)

function requestFor(index: number): TunnelRequest {
  return {
    ipv4: formatIpv4(FIRST_ENDPOINT + index),
    nicname: `h${index}`,
    country: codes[index % codes.length] ?? 'ca',
    os: 'linux',
  }
}

function fail(message: string, status: number): never {
  process.stderr.write(`${message}\n`)
  process.exit(status)
}
