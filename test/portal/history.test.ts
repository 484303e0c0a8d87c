import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { cookieIn, GOOD, PortalWorld } from './portal-world.ts'

suite('the history of a tunnel', () => {
  let world: PortalWorld
  let id: string
  let headers: { cookie: string }

  before(async () => {
    world = await PortalWorld.open()
    const answer = await world.post('/register', GOOD)
    id = world.broker.table.idByEndpoint(GOOD.ipv4) ?? ''
    headers = cookieIn(answer)
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  test('says that nothing was measured as long as nothing was', async () => {
    const { text } = await world.ask(`/tunnels/${id}/history`, { headers })
    assert.match(text, /Nothing has been measured/)
    assert.doesNotMatch(text, /<svg class="chart/)
  })

  test('is drawn with round trips, losses and traffic, and written in a table', async () => {
    const { history } = world.broker
    history.record({ answered: new Map([[id, 12.5]]), silent: [] })
    history.record({ answered: new Map(), silent: [id] })
    history.recordOctets(new Map([[id, { received: 1234, sent: 2468 }]]))
    for (const span of ['hour', 'day', 'month']) {
      const { text } = await world.ask(`/tunnels/${id}/history?span=${span}`, { headers })
      assert.equal(text.match(/<svg class="chart/g)?.length, 4)
      assert.match(text, new RegExp(`span=${span}" aria-current="page"`))
      assert.match(text, /<td>[^<]*<\/td><td>12\.5 ms<\/td><td>50%<\/td><td>1\.2 kB<\/td><td>2\.5 kB<\/td>/)
    }
    const { text } = await world.ask(`/tunnels/${id}`, { headers })
    assert.equal(text.match(/<svg class="chart time"/g)?.length, 1)
  })

  test('is in the visitor’s language, its numbers too', async () => {
    const french = { ...headers, 'accept-language': 'fr' }
    const { text } = await world.ask(`/tunnels/${id}/history`, { headers: french })
    assert.match(text, /12,5 ms<\/td><td>50\s%<\/td><td>1,2\sko<\/td>/)
    assert.match(text, /il y a 60 minutes/)
  })

  test('of an unknown span is that of the hour', async () => {
    for (const span of ['year', 'constructor', '__proto__']) {
      const { text } = await world.ask(`/tunnels/${id}/history?span=${span}`, { headers })
      assert.match(text, /span=hour" aria-current="page"/)
    }
  })

  test('is for who is signed in to that tunnel', async () => {
    assert.equal((await world.ask(`/tunnels/${id}/history`)).status, 401)
    assert.equal((await world.ask(`/tunnels/aaaaaaaaaaaa/history`, { headers })).status, 401)
  })

  test('no request was a fault', () => {
    assert.deepEqual(world.faults, [])
  })
})
