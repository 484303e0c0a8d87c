import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyBehind } from './keys-and-letters.ts'
import {
  type Answer,
  bearer,
  cookieIn,
  type Given,
  GOOD,
  LAB,
  PortalWorld,
  problemIn,
} from './portal-world.ts'

const PINGED = LAB.replace('reachability = "off"', 'reachability = "require"')
const TUNNELS = '/api/v1/tunnels'

function idOf({ headers }: Answer): string {
  return /^\/tunnels\/([a-z0-9]{12})\?/.exec(String(headers.location))?.[1] ?? assert.fail()
}

function unreadable(): never {
  throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
}

suite('a registration by the form', () => {
  test('sent twice by a double click, 120 ms apart and with a slow ping, makes one tunnel, and both lead to its key', async () => {
    await using world = await PortalWorld.open(PINGED)
    world.ping.ms = 400
    const first = world.post('/register', GOOD)
    await sleep(120)
    const second = await world.post('/register', { ...GOOD, nicname: ' Alice' })
    assert.equal(second.headers.location, (await first).headers.location)
    assert.equal(world.broker.table.count(), 1)
    assert.ok(world.broker.table.keyMatches(idOf(second), await keyBehind(world, second)))
  })

  test('sent again after the tab was closed leads to the key, until it was seen', async () => {
    await using world = await PortalWorld.open()
    const lost = await world.post('/register', GOOD)
    const again = await world.post('/register', GOOD)
    assert.equal(again.headers.location, lost.headers.location)
    assert.ok(world.broker.table.keyMatches(idOf(again), await keyBehind(world, again)))
    const third = await world.post('/register', GOOD)
    assert.equal(third.status, 409)
    assert.doesNotMatch(third.text, /Nothing was registered/)
  })

  test('sent by another visitor, or with another name, is another registration', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'))
    const from = (address: string) => ({ 'x-forwarded-for': address })
    assert.equal((await world.post('/register', GOOD, from('192.0.2.1'))).status, 303)
    assert.equal((await world.post('/register', GOOD, from('192.0.2.2'))).status, 409)
    assert.equal((await world.post('/register', { ...GOOD, nicname: 'bob' }, from('192.0.2.1'))).status, 409)
  })

  test('that was refused is tried again', async () => {
    await using world = await PortalWorld.open(PINGED)
    world.silent.add(GOOD.ipv4)
    assert.equal((await world.post('/register', GOOD)).status, 409)
    world.silent.clear()
    assert.equal((await world.post('/register', GOOD)).status, 303)
  })

  test('of a tunnel that was deleted unseen registers anew', async () => {
    await using world = await PortalWorld.open()
    const first = await world.post('/register', GOOD)
    const cookie = cookieIn(first)
    assert.equal((await world.post(`/tunnels/${idOf(first)}/delete`, { sure: 'yes' }, cookie)).status, 200)
    const second = await world.post('/register', GOOD)
    assert.notEqual(idOf(second), idOf(first))
    assert.ok(world.broker.table.keyMatches(idOf(second), await keyBehind(world, second)))
  })
})

suite('a registration through the API with an Idempotency-Key', () => {
  const KEYED = { 'idempotency-key': '"8e03978e-40d5-43dd-bc93-6894a57f9324"' }

  test('gets the first reply again, key included, whether the first is under way or done', async () => {
    await using world = await PortalWorld.open(PINGED)
    world.ping.ms = 200
    const first = world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    await sleep(50)
    const joined = await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    await world.broker.lifecycle.bringUpNew()
    const later = await world.askJson(TUNNELS, 'POST', GOOD, {
      'idempotency-key': KEYED['idempotency-key'].replaceAll('"', ''),
    })
    for (const again of [joined, later]) {
      assert.deepEqual([again.status, again.text], [201, (await first).text])
      assert.equal(again.headers.location, (await first).headers.location)
    }
    const { id, key } = JSON.parse(later.text) as Given
    assert.ok(world.broker.table.keyMatches(id, key))
    assert.equal(world.broker.table.count(), 1)
  })

  test('and another body is 422; a key of another visitor is another key', async () => {
    await using world = await PortalWorld.open(LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]'))
    await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    const other = { ...GOOD, ipv4: '192.0.2.78', nicname: 'bob' }
    const reused = problemIn(await world.askJson(TUNNELS, 'POST', other, KEYED))
    assert.deepEqual([reused.status, reused.code], [422, 'idempotency-key-reused'])
    const stranger = { ...KEYED, 'x-forwarded-for': '192.0.2.9' }
    assert.equal((await world.askJson(TUNNELS, 'POST', other, stranger)).status, 201)
  })

  test('of a tunnel that was deleted since registers anew', async () => {
    await using world = await PortalWorld.open()
    const first = JSON.parse((await world.askJson(TUNNELS, 'POST', GOOD, KEYED)).text) as Given
    const path = `${TUNNELS}/${first.id}`
    assert.equal((await world.ask(path, { method: 'DELETE', headers: bearer(first.key) })).status, 204)
    const again = await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    assert.equal(again.status, 201)
    const { id, key } = JSON.parse(again.text) as Given
    assert.notEqual(id, first.id)
    assert.ok(world.broker.table.keyMatches(id, key))
  })

  test('of a tunnel that has a new key since does not tell the old one', async () => {
    await using world = await PortalWorld.open()
    const first = JSON.parse((await world.askJson(TUNNELS, 'POST', GOOD, KEYED)).text) as Given
    await world.ask(`${TUNNELS}/${first.id}/key`, { method: 'POST', headers: bearer(first.key) })
    const again = await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    assert.equal(again.status, 409)
    assert.ok(!again.text.includes(first.key))
  })

  test('tells the key although the table can’t be read for a while', async () => {
    await using world = await PortalWorld.open()
    const { table } = world.broker
    const keyMatches = table.keyMatches
    table.keyMatches = () => {
      throw new Error('unreadable')
    }
    const first = await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    const again = await world.askJson(TUNNELS, 'POST', GOOD, KEYED)
    table.keyMatches = keyMatches
    assert.deepEqual([first.status, again.text], [201, first.text])
  })

  test('tells it with no idempotency key too where nothing can be read after the commit', async () => {
    await using world = await PortalWorld.open()
    const { store, table } = world.broker
    const stop = store.onCommitted(() => {
      stop()
      for (const read of ['byId', 'contactOf'])
        Object.defineProperty(table, read, { value: unreadable, configurable: true })
    })
    const reply = await world.askJson(TUNNELS, 'POST', GOOD)
    assert.equal(reply.status, 201, reply.text)
    const { id, key } = JSON.parse(reply.text) as Given
    assert.ok(table.keyMatches(id, key))
    const look = problemIn(await world.ask(`${TUNNELS}/${id}`, { headers: bearer(key) }))
    assert.deepEqual([look.status, look.code], [503, 'storage-unread'])
  })

  test('that was refused is tried again', async () => {
    await using world = await PortalWorld.open(PINGED)
    world.silent.add(GOOD.ipv4)
    assert.equal((await world.askJson(TUNNELS, 'POST', GOOD, KEYED)).status, 409)
    world.silent.clear()
    assert.equal((await world.askJson(TUNNELS, 'POST', GOOD, KEYED)).status, 201)
  })

  test('that is none says so', async () => {
    await using world = await PortalWorld.open()
    for (const key of ['x'.repeat(256), 'a"b', '"open', '\u00e9']) {
      const headers = { 'idempotency-key': key }
      assert.equal(
        problemIn(await world.askJson(TUNNELS, 'POST', GOOD, headers)).code,
        'idempotency-key-syntax',
        key,
      )
    }
    assert.equal(world.broker.table.count(), 0)
  })
})
