/** What a mistake in the zone that tunnels have their names in takes with it, at a restart and at a start. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { reverseName } from '../../src/address/reverse-name.ts'
import { noBatches } from '../listen/batch-listener.ts'
import { ask } from '../spawn.ts'
import { RestartedBroker } from './restarted-broker.ts'

const ZONES = join(import.meta.dirname, '..', '..', 'zones')
const OTHER = '$TTL 60\n@ SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.3\n'
const MISTAKE = /freenet6\.net\.zone:\d+:\d+: error/

for (const country of ['in it', 'in a zone of its own']) {
  test(
    `a mistake in the tunnels’ own zone takes their names from a start, the country ${country}, until it is mended`,
    {
      skip: noBatches,
    },
    t => takeNames(t, country),
  )
}

async function takeNames(t: TestContext, country: string): Promise<void> {
  const broker = new RestartedBroker(t)
  const zones = join(broker.dir, 'zones')
  mkdirSync(zones)
  cpSync(ZONES, zones, { recursive: true })
  writeFileSync(join(zones, 'example.org.zone'), OTHER)
  if (country !== 'in it') writeFileSync(join(zones, 'ca.freenet6.net.zone'), OTHER)
  const own = join(zones, 'freenet6.net.zone')
  const sound = readFileSync(own, 'utf8')
  const first = await broker.start()
  const tunnel = await broker.registered(1)
  const reverse = reverseName(parseIpv6(tunnel.ipv6_client) ?? assert.fail())
  const rcodes = async () => {
    const asked = [
      [tunnel.name, 'AAAA'],
      [reverse, 'PTR'],
      ['example.org', 'SOA'],
    ] as const
    const replies = asked.map(([name, type]) => ask(broker.server.endpoint(), name, type))
    return (await Promise.all(replies)).map(({ rcode }) => rcode)
  }

  writeFileSync(own, `${sound}broken AAAA nonsense\n`)
  assert.match(await broker.failure(), MISTAKE)
  assert.deepEqual(await rcodes(), ['NOERROR', 'NOERROR', 'NOERROR'])

  await first.stop()
  const second = await broker.start()
  assert.deepEqual(await rcodes(), ['SERVFAIL', 'SERVFAIL', 'NOERROR'])
  assert.match(await (await fetch(`${second.web}/healthz`)).text(), MISTAKE)
  assert.match(await (await broker.register(2)).text(), /"country-unserved"/)
  const audit = await broker.command('audit')
  assert.deepEqual([audit.code, await rcodes()], [0, ['SERVFAIL', 'SERVFAIL', 'NOERROR']])
  assert.doesNotMatch(second.stderr, /static data in its place/)

  writeFileSync(own, sound)
  const reloaded = await broker.command('reload')
  assert.equal(reloaded.code, 1)
  assert.match(reloaded.stdout, /freenet6 restart/)
  await broker.restarted()
  assert.deepEqual(await rcodes(), ['NOERROR', 'NOERROR', 'NOERROR'])
  assert.equal((await broker.register(2)).status, 201)
}
