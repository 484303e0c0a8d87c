import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { connect } from 'node:tls'
import { TCP_LIMITS } from '../../src/listen/tcp/tcp-listener.ts'
import { TlsListener } from '../../src/listen/tcp/tls-listener.ts'
import { makeCertificate } from '../certificate.ts'
import { missingPackages } from '../packages.ts'
import { until } from '../until.ts'
import { echo } from './fake-respond.ts'
import { LOOPBACK } from './tcp-world.ts'

suite('handshakes that are not done', { skip: (await missingPackages(['openssl'])) ?? false }, () => {
  let dir: string
  let files: { readonly certificate: string; readonly key: string }

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'freenet6-handshakes-'))
    files = makeCertificate(dir)
  })

  after(() => rmSync(dir, { recursive: true, force: true }))

  for (const [whose, limits, counted] of [
    ['of one address', { connections: 100, connectionsAnAddress: 4 }, 'an address'],
    ['of all', { connections: 4, connectionsAnAddress: 100 }, 'all'],
  ] as const)
    test(`keep nobody out, however many there are ${whose}: the oldest makes room over the limit for ${counted}`, async () => {
      const listener = await TlsListener.listen(LOOPBACK, {
        files,
        converse: echo,
        limits: { ...TCP_LIMITS, ...limits },
      })
      const silent = Array.from({ length: 10 }, () => connectPlain(listener.address.port, '127.0.0.1'))
      try {
        await Promise.all(silent.map(socket => once(socket, 'connect')))
        await until(() => listener.counts.evictions === 6)
        for (const localAddress of ['127.0.0.1', '127.0.0.2']) await shakeHands(listener, localAddress)
        assert.equal(silent.at(-1)?.destroyed, false, 'there is still room for it')
      } finally {
        for (const socket of silent) socket.destroy()
        await listener.close()
      }
    })

  test('are counted no more once they are done', async () => {
    const listener = await TlsListener.listen(LOOPBACK, {
      files,
      converse: echo,
      limits: { ...TCP_LIMITS, connections: 3, connectionsAnAddress: 2 },
    })
    const sockets: Socket[] = []
    try {
      for (const localAddress of ['127.0.0.1', '127.0.0.1', '127.0.0.2'])
        sockets.push(await shakeHands(listener, localAddress, 'and stay'))
      await until(() => listener.openConnections === 3)
      assert.equal(listener.counts.evictions, 0)
    } finally {
      for (const socket of sockets) socket.destroy()
      await listener.close()
    }
  })

  async function shakeHands({ address }: TlsListener, localAddress: string, then = 'leave'): Promise<Socket> {
    const plain = connectPlain({ port: address.port, host: '127.0.0.1', localAddress })
    const socket = connect({ socket: plain, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    if (then === 'leave') socket.destroy()
    return socket
  }
})
