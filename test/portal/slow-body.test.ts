import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { PortalWorld } from './portal-world.ts'

/** Well beyond the 15 s that all of a request may take: this test takes as long, since the deadline is not to be set. */
const PATIENCE_MS = 60_000

test('a body that comes octet by octet is broken off at its deadline, 408 with a code', async () => {
  await using world = await PortalWorld.open()
  const { hostname, port } = new URL(world.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  const head = ['POST /api/v1/tunnels HTTP/1.1', `Host: ${hostname}`, 'Content-Type: application/json']
  socket.write(`${head.join('\r\n')}\r\nContent-Length: 400\r\n\r\n{`)
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS)
  const trickle = setInterval(() => socket.write(' '), 500)
  try {
    const reply = await text(socket)
    assert.match(reply, /^HTTP\/1\.1 408 /)
    assert.match(reply, /"code":"request-slow"/)
  } finally {
    clearInterval(trickle)
    clearTimeout(patience)
    socket.destroy()
  }
  assert.equal(world.broker.table.count(), 0)
  assert.deepEqual(world.faults, [])
})
