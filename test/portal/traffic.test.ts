import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeKernel } from '../lifecycle/world.ts'
import { bearer, cookieIn, LAB, PortalWorld } from './portal-world.ts'

test('page, API and operator tell what has passed a tunnel in either direction, once it was counted', async () => {
  const kernel = new FakeKernel()
  await using world = await PortalWorld.open(LAB, { kernel })
  const { id, key, name } = await world.register()
  const headers = cookieIn(await world.post('/tunnels', { reference: name, key }))
  const shown = async () =>
    JSON.parse((await world.ask(`/api/v1/tunnels/${id}`, { headers: bearer(key) })).text)
  const page = async () => (await world.ask(`/tunnels/${id}`, { headers })).text
  assert.equal('received_octets' in (await shown()), false)
  assert.doesNotMatch(await page(), /Traffic/)

  const { device } = world.broker.table.byId(id) ?? assert.fail('a tunnel')
  kernel.passed.set(device, { received: 1_500_000, sent: 2_345_000_000 })
  await world.broker.traffic.count([id])
  const { received_octets, sent_octets } = await shown()
  assert.deepEqual([received_octets, sent_octets], [1_500_000, 2_345_000_000])
  assert.match(await page(), /1\.5 MB from your end, 2\.3 GB to it/)
  const report = world.broker.operator.show(name)
  assert.ok(report.kind === 'done')
  assert.deepEqual([report.value.received_octets, report.value.sent_octets], [1_500_000, 2_345_000_000])
  const french = await world.ask(`/tunnels/${id}`, { headers: { ...headers, 'accept-language': 'fr' } })
  assert.match(french.text, /1,5\sMo de votre côté, 2,3\sGo vers vous/)
})
