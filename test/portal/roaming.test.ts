import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { serverKey } from '../../src/kind/wireguard/server-key.ts'
import { WIREGUARD } from '../../src/kind/wireguard/wireguard.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { newPublicKey } from '../public-key.ts'
import { bearer, cookieIn, LAB, PortalWorld } from './portal-world.ts'

const PUBLIC = ['/', '/status', '/geofeed.csv', '/openapi.json', '/metrics']

test('page, API and operator tell where a client that roams was last heard from, and nobody else', async () => {
  const kernel = new FakeKernel()
  const directory = mkdtempSync(join(tmpdir(), 'freenet6-portal-'))
  serverKey(join(directory, 'data'))
  await using world = await PortalWorld.open(LAB, { kernel, kind: WIREGUARD, directory })
  const body = { kind: 'wireguard', public_key: newPublicKey(), nicname: 'phone', country: 'ca', os: 'linux' }
  const { id, key, name, links } = JSON.parse((await world.askJson('/api/v1/tunnels', 'POST', body)).text)
  const headers = cookieIn(await world.post('/tunnels', { reference: name, key }))
  const { device } = world.broker.table.byId(id) ?? assert.fail('a tunnel')
  const shown = async () => {
    const given = JSON.parse((await world.ask(`/api/v1/tunnels/${id}`, { headers: bearer(key) })).text)
    const report = world.broker.operator.show(name)
    assert.ok(report.kind === 'done')
    const { ipv4_client, client_endpoint } = report.value
    assert.deepEqual([given.ipv4_client, given.client_endpoint], [ipv4_client, client_endpoint])
    return [ipv4_client, client_endpoint]
  }
  const page = async () => {
    const { status, text } = await world.ask(`/tunnels/${id}`, { headers })
    assert.equal(status, 200, JSON.stringify(world.faults))
    return text
  }
  const listed = (address: string) =>
    world.broker.operator.list('', 10, { address }).tunnels.map(tunnel => tunnel.id)

  assert.deepEqual(await shown(), [null, undefined])
  assert.doesNotMatch(await page(), /last heard from/)

  kernel.clients.set(device, { address: '203.0.113.7', port: 4004 })
  assert.deepEqual(await shown(), ['203.0.113.7', '203.0.113.7:4004'])
  assert.match(await page(), /last heard from<\/th><td><code>203\.0\.113\.7:4004</)
  assert.deepEqual(listed('203.0.113.7'), [id])

  kernel.clients.set(device, { address: '2001:db8:7::9', port: 4005 })
  assert.deepEqual(await shown(), [null, '[2001:db8:7::9]:4005'])
  assert.deepEqual([listed('2001:db8:7::9'), listed('203.0.113.7')], [[id], []])

  for (const path of [...PUBLIC, links.script.slice(world.url.length)])
    assert.doesNotMatch((await world.ask(path)).text, /2001:db8:7::9/, path)
  assert.equal(world.broker.table.byId(id)?.ipv4Client, undefined)
})
