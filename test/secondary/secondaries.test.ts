import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TsigKey } from '../../src/engine/tsig-key.ts'
import { Secondaries } from '../../src/secondary/secondaries.ts'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import type { Catalog } from '../../src/zone/catalog.ts'
import { soaWithSerial } from '../../src/zone/serial.ts'
import { catalogOf, type Told, wire } from '../engine/zones.ts'
import { SILENT } from '../lifecycle/world.ts'
import { PATIENCE_MS, until } from '../until.ts'
import { APEX, Listener, replyTo, ZONE } from './listener.ts'

/** By how much Node's timers may come before their time, by another clock, all in all. */
const TIMER_EARLY_MS = 50
const KEY_NAME = wire('k1.example.')
const TSIG_KEY: TsigKey = { name: KEY_NAME, algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }

let catalog: Catalog
let listener: Listener
let port: number
let secondaries: Secondaries | undefined

beforeEach(async () => {
  catalog = catalogOf(ZONE)
  listener = new Listener()
  port = await listener.listen()
})

afterEach(() => {
  secondaries?.stop()
  listener.socket.close()
})

function follow({
  keys = [] as readonly TsigKey[],
  source = '',
  catalogZone = undefined as Uint8Array | undefined,
} = {}): Secondaries {
  secondaries = new Secondaries({
    catalog,
    secondaries: [{ endpoint: { address: '127.0.0.1', port }, keyName: keys[0]?.name }],
    keys,
    source,
    log: SILENT,
    catalogZone,
  })
  return secondaries
}

/** Follows secondaries at these addresses, each with its key, or the last one's. */
function followAt(addresses: readonly string[], ...keys: readonly TsigKey[]): Secondaries {
  secondaries = new Secondaries({
    catalog,
    secondaries: addresses.map((address, at) => ({
      endpoint: { address, port: port + at },
      keyName: (keys[at] ?? keys.at(-1))?.name,
    })),
    keys,
    source: '',
    log: SILENT,
  })
  return secondaries
}

function transferredBy(following: Secondaries): readonly (number | undefined)[] {
  return following.states().map(({ transferred }) => transferred)
}

function setSerial(serial: number): void {
  const soa = catalog.rrset(APEX, TYPE.SOA) ?? assert.fail()
  const rdatas = soa.rdatas.map(rdata => soaWithSerial(rdata, serial))
  catalog.commit([{ kind: 'put', rrset: { ...soa, rdatas } }])
}

async function untilAcknowledged(serial: number): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(10)) {
    const [state] = secondaries?.states() ?? []
    if (state?.acknowledged === serial) return
    assert.ok(performance.now() < deadline, JSON.stringify(state))
  }
}

suite('a NOTIFY (RFC 1996)', () => {
  test('has the zone’s SOA as its question and as its answer, and AA', async () => {
    follow().notify(APEX)
    await listener.until(1)
    const [{ told } = assert.fail()] = listener.heard
    assert.deepEqual([told.octets.readUInt16BE(2), told.octets.readUInt16BE(4)], [0x2400, 1])
    assert.deepEqual(told.answer, ['example. 300 SOA ns.example. host.example. 7 2 3 4 60'])
    assert.deepEqual([told.authority, told.additional], [[], []])
    await untilAcknowledged(7)
  })

  test('leaves from the address that is configured', async () => {
    follow({ source: '127.0.0.9' }).notify(APEX)
    await listener.until(1)
    assert.equal(listener.heard[0]?.from, '127.0.0.9')
  })

  test('that can’t leave from the address that is configured is told of with the system’s reason', async () => {
    const following = follow({ source: '192.0.2.55' })
    following.notify(APEX)
    await until(() => /EADDRNOTAVAIL/.test(following.states()[0]?.answer ?? ''))
  })

  test('is one for many changes within a second, and the next tells of the latest', async () => {
    const following = follow()
    const began = performance.now()
    for (let serial = 8; serial < 100; serial++) {
      setSerial(serial)
      following.notify(APEX)
      await sleep(2)
    }
    await listener.until(2)
    await untilAcknowledged(99)
    // On a busy machine the changes alone may take longer than a second: then there may be more than two.
    const seconds = (performance.now() - began + TIMER_EARLY_MS) / 1000
    assert.ok(listener.heard.length <= 1 + seconds, `${listener.heard.length} in ${seconds} s`)
  })

  test('is sent again while there is no answer, after 1 s and then after 2', async () => {
    listener.reply = () => undefined
    const following = follow()
    const began = performance.now() - TIMER_EARLY_MS // what is sent at once may be heard late
    following.notify(APEX)
    await listener.until(3)
    const [, second = 0, third = 0] = listener.heard.map(({ at }) => at - began)
    assert.ok(second > 1000 && third > 3000, `${second} and ${third} ms`)
    assert.equal(following.states()[0]?.unanswered, 3)
    listener.reply = told => replyTo(told)
    following.tell(APEX)
    await untilAcknowledged(7)
    const { length } = listener.heard
    await sleep(1500)
    assert.equal(listener.heard.length, length)
  })

  test('that is refused is not sent again, and the refusal is shown', async () => {
    listener.reply = told => replyTo(told, RCODE.REFUSED)
    const following = follow()
    following.notify(APEX)
    await listener.until(1)
    await sleep(1500)
    assert.equal(listener.heard.length, 1)
    const [state] = following.states()
    assert.deepEqual([state?.answer, state?.acknowledged, state?.unanswered], ['REFUSED', undefined, 0])
    assert.deepEqual(following.counts, { sent: 1, acknowledged: 0, refused: 1 })
  })

  test('is not answered by another id, another zone, another opcode or a query', async () => {
    const following = follow()
    const wrong: ((told: Told) => Buffer)[] = [
      told => Buffer.from(replyTo(told).map((octet, at) => (at === 1 ? octet ^ 1 : octet))),
      told => Buffer.from(replyTo(told).map((octet, at) => (at === 13 ? octet ^ 1 : octet))),
      told => Buffer.from(replyTo(told).map((octet, at) => (at === 2 ? octet & 0x87 : octet))),
      told => Buffer.from(replyTo(told).map((octet, at) => (at === 2 ? octet & 0x7f : octet))),
    ]
    listener.reply = told => {
      for (const make of wrong)
        listener.socket.send(make(told), listener.heard.at(-1)?.port ?? 0, '127.0.0.1')
      return Buffer.of(1, 2, 3)
    }
    following.notify(APEX)
    await listener.until(2)
    assert.equal(following.states()[0]?.acknowledged, undefined)
  })
})

suite('another list of secondaries', () => {
  test('tells those who are new of every zone, and keeps what is known of those who stay', async () => {
    const following = follow()
    following.notify(APEX)
    await untilAcknowledged(7)
    const other = new Listener()
    const otherPort = await other.listen()
    try {
      const list = [port, otherPort].map(each => ({
        endpoint: { address: '127.0.0.1', port: each },
        keyName: undefined,
      }))
      following.renew({ secondaries: list, keys: [] })
      await other.until(1)
      assert.equal(listener.heard.length, 1)
      assert.equal(following.states()[0]?.acknowledged, 7)
      following.renew({ secondaries: list.slice(1), keys: [] })
      assert.deepEqual(
        following.states().map(({ secondary }) => secondary),
        [`127.0.0.1:${otherPort}`],
      )
    } finally {
      other.socket.close()
    }
  })
})

suite('how far a secondary is', () => {
  test('is said by its transfers: from its address, or with its key', () => {
    const following = follow({ keys: [TSIG_KEY] })
    const sent = { apex: APEX, serial: 7, kind: 'full', keyName: undefined } as const
    following.noteTransfer({ ...sent, address: Uint8Array.of(192, 0, 2, 1) })
    assert.equal(following.states()[0]?.transferred, undefined)
    following.noteTransfer({ ...sent, address: Uint8Array.of(127, 0, 0, 1) })
    setSerial(17)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 10 })
    following.noteTransfer({
      ...sent,
      serial: 15,
      address: Uint8Array.of(192, 0, 2, 1),
      keyName: KEY_NAME,
    })
    following.noteTransfer({ ...sent, serial: 12, address: Uint8Array.of(127, 0, 0, 1) })
    assert.deepEqual([following.states()[0]?.transferred, following.states()[0]?.lag], [15, 2])
  })

  test('is said by the address where several sign with one key: the transfers of one are not the others’', () => {
    const following = followAt(['127.0.0.1', '127.0.0.2'], TSIG_KEY)
    const sent = { apex: APEX, serial: 7, kind: 'full', keyName: KEY_NAME } as const
    following.noteTransfer({ ...sent, address: Uint8Array.of(127, 0, 0, 2) })
    following.noteTransfer({ ...sent, address: Uint8Array.of(192, 0, 2, 1) })
    assert.deepEqual(transferredBy(following), [undefined, 7])
  })

  test('is nothing in a catalog zone that it does not have, as not every nameserver can read one', async () => {
    listener.reply = told => replyTo(told, RCODE.NOTAUTH)
    const following = follow({ catalogZone: APEX })
    following.notify(APEX)
    setSerial(12)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 5 }, 'until it has said so')
    await until(() => following.counts.refused === 1)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 0 })
    const sent = { apex: APEX, serial: 9, kind: 'full', keyName: undefined } as const
    following.noteTransfer({ ...sent, address: Uint8Array.of(127, 0, 0, 1) })
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 3 }, 'it follows after all')
  })

  test('is said by the key where several are at one address', () => {
    const own: TsigKey = { ...TSIG_KEY, name: wire('k2.example.') }
    const following = followAt(['127.0.0.1', '127.0.0.1'], TSIG_KEY, own)
    const sent = { apex: APEX, serial: 7, kind: 'full', address: Uint8Array.of(127, 0, 0, 1) } as const
    following.noteTransfer({ ...sent, keyName: own.name })
    assert.deepEqual(transferredBy(following), [undefined, 7])
    following.noteTransfer({ ...sent, keyName: undefined })
    assert.deepEqual(transferredBy(following), [7, 7])
  })

  test('is counted from the start on while it has transferred nothing: it can hold nothing later', () => {
    const following = follow()
    following.notify(APEX)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 0 })
    setSerial(12)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 5 })
  })

  test('is that of the zone that it is furthest behind in, whatever is known of the others', () => {
    catalog = catalogOf(ZONE, ZONE.replaceAll('example.', 'quiet.'))
    const following = follow()
    for (const apex of catalog.apexes()) following.notify(apex)
    const sent = { apex: APEX, serial: 7, kind: 'full', keyName: undefined } as const
    following.noteTransfer({ ...sent, address: Uint8Array.of(127, 0, 0, 1) })
    setSerial(9)
    assert.deepEqual(following.lags(), { [`127.0.0.1:${port}`]: 2 })
  })
})
