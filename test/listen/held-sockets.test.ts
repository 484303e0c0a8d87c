import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { freePort } from '../../bench/running-server.ts'
import { HeldSockets } from '../../src/listen/held-sockets.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { ListenFault } from '../../src/listen/listen-fault.ts'
import { listenOn } from '../../src/listen/tcp/tcp-listener.ts'
import { noBatches } from './batch-listener.ts'

const libc = await loadLibc()
const LOOPBACK = { address: '127.0.0.1', port: 0 }
const UDP = { count: 1, patienceMs: 250, isAhead: false }

function held(...passed: ConstructorParameters<typeof HeldSockets>[1] & object): HeldSockets {
  if (libc === undefined) throw new Error('koffi can not be loaded')
  return new HeldSockets(libc, passed)
}

test('a connection that comes before anybody accepts is served', { skip: noBatches }, async () => {
  const sockets = held()
  const endpoint = { ...LOOPBACK, port: await freePort() }
  sockets.holdAhead({ dns: [endpoint], tls: [], web: LOOPBACK, udp: UDP })
  const early = connect(endpoint.port, '127.0.0.1')
  await once(early, 'connect')
  const server = createServer(socket => socket.end('served'))
  await listenOn(server, endpoint, sockets.stream('tcp', endpoint))
  const [text] = await once(early.setEncoding('utf8'), 'data')
  assert.equal(text, 'served')
  server.close()
  sockets.close()
})

test('a server that closes leaves its socket open for the next', { skip: noBatches }, async () => {
  const sockets = held()
  const first = createServer()
  await listenOn(first, LOOPBACK, sockets.stream('web', LOOPBACK))
  const bound = first.address()
  assert.ok(bound !== null && typeof bound === 'object')
  first.close()
  await once(first, 'close')
  const waiting = connect(bound.port, '127.0.0.1')
  await once(waiting, 'connect')
  sockets.giveBack()
  const second = createServer(socket => socket.end('second'))
  await listenOn(second, LOOPBACK, sockets.stream('web', LOOPBACK))
  assert.deepEqual(second.address(), bound)
  const [text] = await once(waiting.setEncoding('utf8'), 'data')
  assert.equal(text, 'second')
  second.close()
  sockets.close()
})

test('passed sockets are known by what they are bound to, whatever they are called', {
  skip: noBatches,
}, () => {
  const opener = held()
  const tcp = opener.stream('tcp', LOOPBACK)
  const web = opener.stream('web', LOOPBACK)
  const [tcpAt, webAt] = opener.handed.map(({ fd }) => libc && boundPort(fd))
  const endpoint = { address: '127.0.0.1', port: tcpAt ?? 0 }
  const page = { address: '127.0.0.1', port: webAt ?? 0 }
  const sockets = held(
    { fd: tcp, role: 'stream', asked: undefined, name: 'a' },
    { fd: web, role: 'stream', asked: undefined, name: 'b' },
  )
  assert.deepEqual(sockets.unwanted({ dns: [endpoint], tls: [], web: page }), [])
  assert.deepEqual(sockets.unwanted({ dns: [endpoint], tls: [], web: LOOPBACK }), [
    `TCP 127.0.0.1:${page.port} (b)`,
  ])
  opener.close()
  sockets.close()
})

test('an address that another program has is named', { skip: noBatches }, async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  assert.ok(bound !== null && typeof bound === 'object')
  const sockets = held()
  const endpoint = { address: '127.0.0.1', port: bound.port }
  assert.throws(
    () => sockets.holdAhead({ dns: [endpoint], tls: [], web: LOOPBACK, udp: UDP }),
    (error: unknown) => error instanceof ListenFault && /another process listens there/.test(error.message),
  )
  sockets.holdAhead({ dns: [{ ...endpoint, optional: true }], tls: [], web: LOOPBACK, udp: UDP })
  assert.deepEqual(sockets.handed, [])
  server.close()
  sockets.close()
})

function boundPort(fd: number): number {
  const name = new Uint8Array(32)
  libc?.getsockname(fd, name, Uint32Array.of(name.length))
  return ((name[2] ?? 0) << 8) | (name[3] ?? 0)
}

test('an address whose port this process has itself, under another address or for something else, is said to be its own', {
  skip: noBatches,
}, async () => {
  const port = await freePort()
  const own = { address: '127.0.0.1', port }
  const sockets = held()
  sockets.holdAhead({ dns: [own], tls: [], web: LOOPBACK, udp: UDP })
  const wanted = { dns: [], tls: [], web: LOOPBACK, udp: UDP }
  for (const further of [{ dns: [{ address: '0.0.0.0', port }] }, { web: own }])
    assert.throws(
      () => sockets.holdAhead({ ...wanted, ...further }),
      (error: unknown) =>
        error instanceof ListenFault &&
        error.code === 'EADDRINUSE' &&
        error.message.includes(`freenet6 itself has 127.0.0.1:${port}`),
    )
  sockets.close()
})
