import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { ask } from '../../src/health/dns2-client.ts'
import { until } from '../until.ts'

for (const address of ['127.0.0.1', '::1'])
  test(`a server on ${address} that takes a connection and never answers is left, with its connection`, async t => {
    const connections = new Set<Socket>()
    const server = createServer(socket => {
      connections.add(socket)
      socket.resume().on('error', () => undefined)
      socket.on('close', () => connections.delete(socket))
    })
    t.after(() => server.close())
    server.listen(0, address)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const question = { transport: 'tcp', name: 'silent.example', type: 'SOA', timeout: 100 } as const
    await assert.rejects(ask({ server: { address, port }, ...question }), /no answer within 100 ms/)
    await until(() => connections.size === 0)
    assert.equal(connections.size, 0)
  })
