import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { addAddress, enterOwnNetwork, takeAhead } from '../own-network.ts'
import { ask, runCli, startServer } from '../spawn.ts'
import { until } from '../until.ts'

const noNetwork = (await enterOwnNetwork()) ?? false

const SLOWER = 'no batched system calls here: UDP is answered by the main thread, slower'

/** Makes the program find no koffi, as where it could not be installed. */
const WITHOUT_KOFFI = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ resolve(name, context, next) {
    if (name === 'koffi') throw new Error('koffi is not installed')
    return next(name, context)
  } })
`)}`

test('without koffi UDP is answered all the same, and one line of the log says how', async () => {
  await using server = await startServer({ env: { NODE_OPTIONS: WITHOUT_KOFFI } })
  for (const endpoint of server.dns)
    assert.equal((await ask(endpoint, 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  assert.equal(server.stderr.split(SLOWER).length, 2)
  assert.equal(await server.stop(), 0)
})

test('without koffi all addresses are answered on, each by itself, and one that comes later too', {
  skip: noNetwork,
}, async () => {
  const port = 5300
  const config = `[dns]\nlisten = ["0.0.0.0:${port}", "[::]:${port}"]\n`
  const env = { NODE_OPTIONS: WITHOUT_KOFFI }
  await using server = await startServer({ config, env })
  const check = await runCli(['check-config', '--config', join(server.dir, 'freenet6.toml')], { env })
  assert.equal(check.code, 0)
  for (const address of ['127.0.0.1', '::1']) await answers(address)
  addAddress('10.9.2.1')
  await answers('10.9.2.1')
  assert.equal(await server.stop(), 0)

  /** Over UDP and TCP; a reply from another address than the one that was asked is none. */
  async function answers(address: string): Promise<void> {
    for (const tcp of [false, true]) {
      const isAnswered = async () => {
        const { rcode } = await ask({ address, port }, 'freenet6.net', 'SOA', { tcp, timeout: 500 })
        return rcode === 'NOERROR'
      }
      await until(() => isAnswered().catch(() => false), `${address} does not answer`)
    }
  }
})

test('without koffi addresses that come while another program has their port are named in log and health', {
  skip: noNetwork,
}, async t => {
  const config = '[dns]\nlisten = ["0.0.0.0:5301", "10.9.2.4:5302"]\n'
  const taken = [
    ['10.9.2.3', 5301],
    ['10.9.2.4', 5302],
  ] as const
  const foreign = await Promise.all(taken.map(([address, port]) => takeAhead(address, port)))
  t.after(() => foreign.forEach(socket => void socket.close()))
  await using server = await startServer({ config, env: { NODE_OPTIONS: WITHOUT_KOFFI } })
  for (const [address] of taken) addAddress(address)
  for (const [address, port] of taken) {
    const fault = `can't listen on ${address}:${port} (UDP): another process listens there (EADDRINUSE)`
    await until(async () => (await (await fetch(`${server.web}/healthz`)).text()).includes(fault))
    assert.equal(server.stderr.split(fault).length, 2)
  }
  const health = await fetch(`${server.web}/healthz`)
  assert.equal(health.status, 503)
  assert.doesNotMatch(await health.text(), /is not there yet/)
  assert.equal(await server.stop(), 0)
})

test('with koffi UDP is answered by threads of its own', { skip: noBatches }, async () => {
  await using server = await startServer({ config: '[dns]\nthreads = 3\n' })
  for (const endpoint of server.dns)
    assert.equal((await ask(endpoint, 'freenet6.net', 'SOA')).rcode, 'NOERROR')
  assert.ok(!server.stderr.includes(SLOWER))
  assert.equal(await server.stop(), 0)
})
