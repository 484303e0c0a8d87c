import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange } from '../ask.ts'
import { option, toldOption } from '../engine/edns-options.ts'
import { queryOf, takeApart } from '../engine/zones.ts'
import type { Server } from '../spawn.ts'
import { startServer } from '../spawn.ts'
import { until } from '../until.ts'

const COOKIE = 10
/** Lets what is to happen in hours happen in a moment. */
const HURRIED = `--import=data:text/javascript,${encodeURIComponent(`
  const { setTimeout: later } = globalThis
  globalThis.setTimeout = (call, ms, ...args) => later(call, ms > 3_600_000 ? 200 : ms, ...args)
`)}`

/** The cookie that comes back for this one. */
async function cookieFor(server: Server, cookie: string): Promise<string> {
  const options = option(COOKIE, cookie)
  const reply = await exchange(server.endpoint(), queryOf('freenet6.net.', 'SOA', { edns: 1232, options }))
  return toldOption(takeApart(reply), COOKIE) ?? assert.fail('no cookie')
}

test('the secret of server cookies is replaced in time: an old cookie is answered with a new one', async () => {
  await using server = await startServer({ env: { NODE_OPTIONS: HURRIED } })
  const cookie = await cookieFor(server, '0102030405060708')
  let again = cookie
  await until(async () => {
    again = await cookieFor(server, cookie)
    return again !== cookie
  })
  assert.equal(again.slice(0, 16), '0102030405060708')
})

test('a cookie of an hour that has not passed comes back as it is', async () => {
  await using server = await startServer()
  const cookie = await cookieFor(server, '0102030405060708')
  await sleep(1100) // a new one would have another time in it
  assert.equal(await cookieFor(server, cookie), cookie)
})
