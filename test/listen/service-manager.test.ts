import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Libc } from '../../src/listen/libc.ts'
import { ServiceManager } from '../../src/listen/service-manager.ts'

test('of two reloads at once the manager hears the end when both have ended', async () => {
  const told: (string | undefined)[] = []
  const libc = {
    socket: () => 3,
    sendTo: (_fd: number, text: Uint8Array) => told.push(Buffer.from(text).toString().split('\n')[0]),
    close: () => 0,
  } as unknown as Libc
  const manager = new ServiceManager(libc, { NOTIFY_SOCKET: '/run/notify' })
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const coming = ends.map(({ promise }) => promise)
  const reload = manager.told({ run: () => coming.shift() ?? Promise.resolve() }, 'serving')
  const [first, second] = [reload.run(), reload.run()]
  ends[0]?.resolve()
  await first
  assert.deepEqual(told, ['RELOADING=1', 'RELOADING=1'])
  ends[1]?.resolve()
  await second
  assert.deepEqual(told, ['RELOADING=1', 'RELOADING=1', 'READY=1'])
  manager.close()
})
