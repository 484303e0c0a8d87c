import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addAddress, enterOwnNetwork } from '../own-network.ts'
import { ask, runCli, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const skip = (await enterOwnNetwork()) ?? false
const WEB = '10.9.1.9:8080'
const CONFIG = `
[dns]
listen = ["127.0.0.1:5300"]
[web]
listen = "${WEB}"
`

async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).status
  } catch {
    return 0
  }
}

test('names are answered although the address of the web is not there yet; it is served as soon as it is', {
  skip,
}, async () => {
  await using server = await startServer({ config: CONFIG })
  assert.equal((await ask(server.endpoint(), 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  const { stdout } = await runCli(['status', '--config', join(server.dir, 'freenet6.toml')])
  assert.match(stdout, /trouble +10\.9\.1\.9:8080: the address is not there yet/)
  assert.match(server.stderr, /10\.9\.1\.9:8080.*are not there yet/)
  addAddress('10.9.1.9')
  let status = 0
  await until(async () => {
    status = await statusOf(`http://${WEB}/healthz`)
    return status !== 0
  })
  assert.equal(status, 200)
  assert.equal(await server.stop(), 0)
})

test('the web is served although no address of the nameserver is there yet; names are answered as soon as one is', {
  skip,
}, async () => {
  const config = CONFIG.replace('127.0.0.1:5300', '10.9.1.8:5300').replace(WEB, '127.0.0.1:8090')
  const url = 'http://127.0.0.1:8090'
  await using server = await startServer({ config })
  const health = await fetch(`${url}/healthz`)
  assert.equal(health.status, 503)
  assert.match(await health.text(), /listens on no address.*10\.9\.1\.8:5300: the address is not there yet/s)
  assert.deepEqual([await statusOf(`${url}/readyz`), await statusOf(`${url}/`)], [503, 200])
  assert.match(server.stderr, /no name is answered/)
  addAddress('10.9.1.8')
  let status = 0
  await until(async () => {
    status = await statusOf(`${url}/healthz`)
    return status === 200
  })
  assert.deepEqual([status, await statusOf(`${url}/readyz`)], [200, 200])
  const soa = await ask({ address: '10.9.1.8', port: 5300 }, 'freenet6.net', 'SOA')
  assert.equal(soa.rcode, 'NOERROR')
  assert.equal(await server.stop(), 0)
})

test('a restart is refused where the web would be heard on no address of this machine: it goes on', {
  skip,
}, async () => {
  const config = CONFIG.replace('127.0.0.1:5300', '127.0.0.1:5301').replace(WEB, '127.0.0.1:8091')
  await using server = await startServer({ config })
  const file = join(server.dir, 'freenet6.toml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:8091', '10.9.1.7:8091'))
  const { code, stderr } = await runCli(['restart', '--config', file])
  assert.equal(code, 1)
  assert.match(stderr, /web\.listen = "10\.9\.1\.7:8091": this machine does not have the address/)
  assert.equal(await statusOf('http://127.0.0.1:8091/healthz'), 200)
})
