import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noBatches } from '../listen/batch-listener.ts'
import { type Registered, RestartedBroker } from './restarted-broker.ts'

type Given = Registered & { readonly key: string }

/** The status of a request with a tunnel's key. */
async function statusOf(
  broker: RestartedBroker,
  { id, key }: Pick<Given, 'id' | 'key'>,
  method: 'GET' | 'DELETE' = 'DELETE',
): Promise<number> {
  const url = `${broker.server.web}/api/v1/tunnels/${id}`
  return (await fetch(url, { method, headers: { authorization: `Bearer ${key}` } })).status
}

function send(broker: RestartedBroker, path: string, fields: Readonly<Record<string, string>>, cookie = '') {
  return fetch(`${broker.server.web}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: broker.server.web, cookie, accept: 'text/html' },
    body: new URLSearchParams(fields),
  })
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? assert.fail('no session')
}

test('a deletion that is sent again after the process was killed is done, and no other key learns of it', async t => {
  const broker = new RestartedBroker(t)
  const first = await broker.start()
  const given = (await broker.registered(1)) as Given
  const other = (await broker.registered(2)) as Given
  assert.equal(await statusOf(broker, given), 204)
  await first.kill()
  await broker.start()
  assert.equal(await statusOf(broker, given), 204)
  assert.equal(await statusOf(broker, given, 'GET'), 404)
  assert.equal(await statusOf(broker, { id: given.id, key: other.key }), 401)
  const signedIn = await send(broker, '/tunnels', { reference: given.id, key: given.key })
  const page = await send(broker, `/tunnels/${given.id}/delete`, { sure: 'yes' }, cookieOf(signedIn))
  assert.equal(page.status, 200)
  assert.match(await page.text(), /The tunnel is gone[\s\S]*<pre[^>]*><code>#!\/bin\/sh/)
})

test('a second click after a restart gets the undo once more', { skip: noBatches }, async t => {
  const broker = new RestartedBroker(t)
  await broker.start()
  const { id, key } = (await broker.registered(1)) as Given
  const cookie = cookieOf(await send(broker, '/tunnels', { reference: id, key }))
  const click = () => send(broker, `/tunnels/${id}/delete`, { sure: 'yes' }, cookie)
  const gone = await (await click()).text()
  await broker.restarted()
  const again = await click()
  assert.deepEqual([again.status, await again.text()], [200, gone])
})
