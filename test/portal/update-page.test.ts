import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { cookieIn, PortalWorld } from './portal-world.ts'

let world: PortalWorld

beforeEach(async () => {
  world = await PortalWorld.open()
})

afterEach(() => world[Symbol.asyncDispose]())

for (const [os, start] of [
  ['openwrt', 1],
  ['linux', 0],
] as const)
  test(`the lines for cron on ${os} say how to start it where it does not run by itself`, async () => {
    const given = await world.register({ ipv4: '127.0.0.1', os })
    const headers = cookieIn(await world.post('/tunnels', { reference: given.name, key: given.key }))
    const { text } = await world.ask(`/tunnels/${given.id}`, { headers })
    assert.match(text, /crontab -e/)
    assert.equal(text.match(/cron enable &amp;&amp; \S*cron restart/g)?.length ?? 0, start)
  })
