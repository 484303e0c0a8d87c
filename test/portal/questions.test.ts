/** What an owner reads of the link that was to go to an address or URL that has not said yes. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Handover } from '../../src/mail/carrier.ts'
import { until } from '../until.ts'
import { cookieIn, type Given, PortalWorld } from './portal-world.ts'

const TARGET = 'alice@example.org'

let world: PortalWorld
let given: Given
let headers: Readonly<Record<string, string>>

before(async () => {
  world = await PortalWorld.open()
  given = await world.register()
  headers = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
})
after(() => world[Symbol.asyncDispose]())

/** Reads the tunnel's page and that of its warnings. */
async function told(): Promise<readonly string[]> {
  const pages = ['', '/email'].map(page => world.ask(`/tunnels/${given.id}${page}`, { headers }))
  return (await Promise.all(pages)).map(({ text }) => text)
}

async function keep(): Promise<void> {
  await world.post(`/tunnels/${given.id}/email`, { email: TARGET }, headers)
}

function waiting() {
  return world.broker.table.notices.of(given.id)
}

test('a link that is on its way, could not be handed over, or is away is told as that', async () => {
  let take = (_: Handover) => {}
  world.handovers.set(
    TARGET,
    new Promise(resolve => {
      take = resolve
    }),
  )
  await keep()
  for (const text of await told()) {
    assert.match(text, /A link to <code>alice@example\.org<\/code> is about to be sent/)
    assert.doesNotMatch(text, /has not said yes yet/)
  }
  take({ kind: 'failed', reason: '451 4.3.0 later', isDown: false })
  await until(() => waiting()[0]?.failures === 1)
  for (const text of await told())
    assert.match(text, /The link to <code>alice@example\.org<\/code> could not be handed over yet/)
  world.handovers.delete(TARGET)
  await keep()
  await until(() => waiting().length === 0)
  for (const text of await told()) {
    assert.match(text, /has not said yes yet[^<]*Open the link that came there; if there is none, keep/)
    assert.doesNotMatch(text, /was sent there/)
  }
})
