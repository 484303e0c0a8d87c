import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NameserverOptions } from '../../src/engine/nameserver.ts'
import { loadLibc } from '../../src/listen/libc.ts'
import { AnsweringThreads, type AnsweringThreadsOptions } from '../../src/listen/threads/answering-threads.ts'
import type { Endpoint } from '../../src/shared/endpoint.ts'
import type { Log } from '../../src/shared/log.ts'
import { CLASS, TYPE } from '../../src/wire/codes.ts'
import { READER_SLOTS, SLOT_WORDS } from '../../src/zone/arena.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { exchange } from '../ask.ts'
import { catalogOf, queryOf, wire } from '../engine/zones.ts'
import { hasIpv6Loopback } from '../spawn.ts'
import { PATIENCE_MS, until } from '../until.ts'
import { noBatches } from './batch-listener.ts'

const ZONE = `example. 60 IN SOA ns. h. 1 2 3 4 60
example. 60 IN NS ns.example.
ns.example. 60 IN A 192.0.2.1
h.example. 60 IN A 10.0.0.0`
const LOOPBACK: Endpoint = { address: '127.0.0.1', port: 0 }

interface Started extends AsyncDisposable {
  readonly threads: AnsweringThreads
  readonly engine: NameserverOptions
  readonly catalog: Catalog
  readonly addresses: readonly Endpoint[]
  readonly logged: readonly string[]
}

/** For what a busy machine does late. */
const PATIENT_MS = 20_000

async function start(
  count: number,
  endpoints: readonly Endpoint[] = [LOOPBACK],
  options: Pick<AnsweringThreadsOptions, 'threadFile' | 'longestSilenceMs'> & { hostname?: string } = {},
): Promise<Started> {
  const libc = await loadLibc()
  assert.ok(libc)
  const catalog = catalogOf(ZONE)
  const logged: string[] = []
  const write = (_facts: object, message: string) => void logged.push(message)
  const log: Log = { debug: write, info: write, warn: write, error: write }
  const { hostname = '', ...threadOptions } = options
  const engine = { catalog: { buffer: catalog.buffer }, nsid: '', version: '', hostname }
  const threads = new AnsweringThreads({ libc, threads: count, engine, log, ...threadOptions })
  const addresses: Endpoint[] = []
  for (const endpoint of endpoints) addresses.push(await threads.bind(endpoint))
  await threads.start()
  return { threads, engine, catalog, addresses, logged, [Symbol.asyncDispose]: () => threads.close() }
}

/** The last octet of the address that h.example has. */
async function heard(server: Endpoint | undefined): Promise<number | undefined> {
  assert.ok(server)
  return (await exchange(server, queryOf('h.example.', 'A'), { timeout: PATIENT_MS })).at(-1)
}

/** Quiet threads publish their counts every quarter of a second. */
async function untilCounted(threads: AnsweringThreads, replies: number): Promise<void> {
  await until(() => threads.counts.replies >= replies)
  assert.equal(threads.counts.replies, replies)
}

function put(catalog: Catalog, value: number): void {
  const rdatas = [Uint8Array.of(10, 0, 0, value)]
  catalog.commit([{ kind: 'put', rrset: { owner: wire('h.example.'), type: TYPE.A, ttl: 60, rdatas } }])
}

describe('answering threads', { skip: noBatches }, () => {
  test('answer on every address they were bound to', async () => {
    const endpoints = hasIpv6Loopback() ? [LOOPBACK, { address: '::1', port: 0 }] : [LOOPBACK, LOOPBACK]
    await using started = await start(2, endpoints)
    for (const address of started.addresses) assert.equal(await heard(address), 0)
  })

  test('share the clients of one address among them, and their counts add up', async () => {
    await using started = await start(3)
    for (let i = 0; i < 60; i++) await heard(started.addresses[0])
    await untilCounted(started.threads, 60)
    assert.equal(started.threads.counts.datagrams, 60)
    assert.equal(started.threads.engineCounts.noerror, 60)
  })

  test('see a commit with the next query that is sent, whichever thread takes it', async () => {
    await using started = await start(3)
    for (let i = 1; i < 250; i++) {
      put(started.catalog, i)
      assert.equal(await heard(started.addresses[0]), i)
    }
  })

  test('are in their slot of the table while they answer, and only then', async t => {
    await using started = await start(1)
    const words = new Int32Array(started.catalog.buffer, 0, READER_SLOTS + SLOT_WORDS)
    const client = createSocket('udp4')
    t.after(() => client.close())
    const [address] = started.addresses
    assert.ok(address)
    let isSeen = false
    for (const end = performance.now() + PATIENCE_MS; !isSeen && performance.now() < end; ) {
      for (let i = 0; i < 100; i++) client.send(queryOf('h.example.', 'A'), address.port)
      await sleep(0) // they are on their way
      const soon = performance.now() + 5
      while (!isSeen && performance.now() < soon) isSeen = Atomics.load(words, READER_SLOTS) !== 0
    }
    assert.ok(isSeen)
    await until(() => Atomics.load(words, READER_SLOTS) === 0)
  })

  test('leave their slot when they die in it', async () => {
    await using started = await start(1)
    const words = new Int32Array(started.catalog.buffer, 0, READER_SLOTS + SLOT_WORDS)
    Atomics.store(words, READER_SLOTS, 1) // as if it had died on the table
    const { used } = started.catalog.memory()
    for (let i = 0; i < 100; i++) put(started.catalog, i)
    assert.ok(started.catalog.memory().used > used + 1000)
    await started.threads.killThread(0)
    assert.equal(Atomics.load(words, READER_SLOTS), 0)
    put(started.catalog, 0)
    assert.ok(started.catalog.memory().used <= used)
  })

  test('stop by themselves, and their ports are free', { timeout: PATIENCE_MS }, async () => {
    const started = await start(2)
    const [address] = started.addresses
    assert.ok(address)
    await started.threads.close()
    const socket = createSocket('udp4')
    socket.bind(address)
    await once(socket, 'listening')
    socket.close()
  })

  test('that die are replaced, logged and counted, and what they had counted stays', async () => {
    await using started = await start(1)
    for (let i = 0; i < 5; i++) await heard(started.addresses[0])
    await untilCounted(started.threads, 5)
    await started.threads.killThread(0)
    assert.equal(await heard(started.addresses[0]), 0) // waits in the socket for the next thread
    await untilCounted(started.threads, 6)
    assert.equal(started.threads.restarts, 1)
    assert.deepEqual(started.logged, ['an answering thread ended: starting another'])
  })

  test('that spin are ended and replaced: what waits is answered, and their slot is free', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'freenet6-spin-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    await using started = await start(1, [LOOPBACK], {
      threadFile: new URL('./spinning-thread.ts', import.meta.url),
      longestSilenceMs: 500,
      hostname: join(dir, 'has-spun'),
    })
    assert.equal(await heard(started.addresses[0]), 0)
    assert.equal(started.threads.restarts, 1)
    assert.deepEqual(started.logged, [
      'an answering thread is stuck: it is ended',
      'an answering thread ended: starting another',
    ])
    await sleep(1200)
    assert.equal(started.threads.restarts, 1) // quiet is not stuck
    const words = new Int32Array(started.catalog.buffer, 0, READER_SLOTS + SLOT_WORDS)
    assert.equal(Atomics.load(words, READER_SLOTS), 0)
  })

  test('are replaced where one dies while the next is started for a reload, which fails', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'freenet6-threads-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const failing = join(dir, 'failing')
    await using started = await start(1, [LOOPBACK], {
      threadFile: new URL('./failing-thread.ts', import.meta.url),
      hostname: failing,
    })
    writeFileSync(failing, '')
    const killed = started.threads.killThread(0)
    await assert.rejects(started.threads.renew(started.engine))
    await killed
    rmSync(failing)
    assert.equal(await heard(started.addresses[0]), 0)
  })

  test('are followed by threads with another engine without a query lost, and what they had counted stays', async () => {
    await using started = await start(2)
    const [address] = started.addresses
    let isDone = false
    const asked = (async () => {
      let count = 0
      for (; !isDone; count++) assert.equal(await heard(address), 0)
      return count
    })()
    for (const identity of ['one', 'two', 'three']) {
      await started.threads.renew({ ...started.engine, hostname: identity })
      const reply = await exchange(
        address ?? assert.fail(),
        queryOf('hostname.bind.', 'TXT', { class: CLASS.CH }),
      )
      assert.match(Buffer.from(reply).toString('latin1'), new RegExp(`${identity}$`))
    }
    isDone = true
    await untilCounted(started.threads, (await asked) + 3)
    assert.equal(started.threads.restarts, 0)
    assert.deepEqual(started.logged, [])
  })

  test('that are quiet for a while speak again with the engine of the last renewal', async () => {
    await using started = await start(1)
    const [address] = started.addresses
    await started.threads.renew({ ...started.engine, hostname: 'renewed' })
    await started.threads.pause()
    await started.threads.start()
    const reply = await exchange(
      address ?? assert.fail(),
      queryOf('hostname.bind.', 'TXT', { class: CLASS.CH }),
    )
    assert.match(Buffer.from(reply).toString('latin1'), /renewed$/)
  })

  test('end within a second while they are renewed, and none comes after them', async () => {
    const started = await start(3)
    const renewal = started.threads.renew({ ...started.engine, hostname: 'renewed' })
    await started.threads.close()
    await renewal
    assert.equal(started.threads.restarts, 0)
    assert.deepEqual(started.logged, [])
  })

  test('stay where those that should follow them end before they answer', async () => {
    await using started = await start(1)
    await assert.rejects(started.threads.renew({ ...started.engine, nsid: 'x'.repeat(300) }), /NSID/)
    assert.equal(await heard(started.addresses[0]), 0)
    await started.threads.killThread(0)
    assert.equal(await heard(started.addresses[0]), 0)
    assert.equal(started.threads.restarts, 1)
  })

  test('leave alone a port that another process of ours has, be it shared or not', async () => {
    await using one = await start(1)
    await using two = await start(2)
    for (const [address] of [one.addresses, two.addresses]) {
      assert.ok(address)
      for (const count of [1, 2])
        await assert.rejects(start(count, [address]), { name: 'ListenFault', code: 'EADDRINUSE' })
    }
  })
})
