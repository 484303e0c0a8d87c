/** A restart whose configuration is right by itself, and would serve less than the process that runs. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TomlTable } from 'smol-toml'
import { noBatches } from '../listen/batch-listener.ts'
import { until } from '../until.ts'
import { RestartedBroker } from './restarted-broker.ts'

const SKIP = { skip: noBatches }

/** A service whose commands are heard at the same place whatever its data_dir. */
async function withSocket(t: TestContext): Promise<RestartedBroker> {
  const broker = new RestartedBroker(t)
  await broker.start('[control]\nsocket = "control.sock"\n')
  return broker
}

test(
  'a restart is refused with another data_dir, be it that a backup lies there: the tunnels since would be lost',
  SKIP,
  async t => {
    const broker = await withSocket(t)
    const before = await broker.registered(1)
    const other = join(broker.dir, 'data2')
    mkdirSync(other)
    assert.equal((await broker.command('backup', join(other, 'freenet6.db'))).code, 0)
    const since = await broker.registered(2)
    broker.edit({ data_dir: 'data2' })
    const ours = join(broker.dir, 'data')
    const failure = await broker.failure()
    const reason = `data_dir is ${other} now, and the tunnels are in ${ours}: stop freenet6, move what is in ${ours} there`
    assert.ok(failure.includes(reason), failure)
    await broker.assertServed([before, since])
    assert.equal((await broker.register(3)).status, 201)
  },
)

test('a reload says that another data_dir or control socket takes more than a restart', SKIP, async t => {
  const broker = await withSocket(t)
  broker.edit({ data_dir: 'data2' })
  const { stdout } = await broker.command('reload')
  assert.match(
    stdout,
    /data_dir has changed: it takes a stop and a start, and what is in the old directory moved/,
  )
  broker.edit({ data_dir: 'data', control: { socket: 'other.sock' } })
  process.kill(broker.server.pid, 'SIGHUP')
  await until(() => /control\.socket has changed: it takes a stop and a start"/.test(broker.server.stderr))
})

test(
  'a restart is refused where the new process could not use most tunnels that this one can',
  SKIP,
  async t => {
    const broker = await withSocket(t)
    const registered = [await broker.registered(1), await broker.registered(2)]
    const { tunnel } = broker.configuration
    broker.edit({ tunnel: { ...(tunnel as TomlTable), device_prefix: 't6-' } })
    assert.match(
      await broker.failure(),
      /2 of 2 tunnels can't be used with the new configuration: tunnel\.device_prefix = "t6-".* stop freenet6 and start it/,
    )
    broker.edit({ tunnel: { ...(tunnel as TomlTable), prefix: '2001:db8:f7::/48' } })
    assert.match(await broker.failure(), /2 of 2 tunnels .* tunnel\.prefix = "2001:db8:f7::\/48"/)
    await broker.assertServed(registered)
    broker.edit({ tunnel: { ...(tunnel as TomlTable), kinds: ['wireguard'] } })
    await broker.restarted() // a kind that is not offered is the operator's wish
  },
)

test(
  'a restart is refused where no zones_dir is there any more: its zones would be missed',
  SKIP,
  async t => {
    const broker = await withSocket(t)
    broker.edit({ zones_dir: undefined })
    assert.match(
      await broker.failure(),
      /zones_dir is .*\/zones now, which is not there, and .*\/zones gave freenet6\.net\./,
    )
  },
)
