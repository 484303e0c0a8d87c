import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parsePrefix } from '../../src/address/prefix.ts'
import type { TransferPeer } from '../../src/engine/transfer-peer.ts'
import { MAX_TRANSFERS } from '../../src/engine/transfer-turns.ts'
import type { SentTransfer } from '../../src/engine/transfers.ts'
import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { TSIG_ERROR } from '../../src/wire/tsig.ts'
import type { Catalog, RrsetChange } from '../../src/zone/catalog.ts'
import { RecentSteps } from '../../src/zone/recent-steps.ts'
import { soaWithSerial } from '../../src/zone/serial.ts'
import { recordLists, type ZoneDifference, zoneDifference } from '../../src/zone/zone-difference.ts'
import { answersOf, nextOf, TransferServer } from '../engine/transfer-client.ts'
import { type Key, NOW, signed, tsigOf, verified, verifiedNext } from '../engine/tsig-client.ts'
import { catalogOf, optOf, queryOf, type Told, wire } from '../engine/zones.ts'

const APEX = wire('example.')
const FIRST = 0xffff_fffd
const ZONE = `Example. 300 IN SOA ns.example. host.example. ${FIRST} 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
old.example. 300 IN TXT "old"`
const EVERYBODY: readonly TransferPeer[] = [parsePrefix('0.0.0.0/0') ?? assert.fail()]
const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }
const KEYS = [{ name: wire(KEY.name), algorithm: 'hmac-sha256', secret: KEY.secret } as const]

/** A zone whose commits are remembered, as the journal does. */
class World {
  readonly catalog: Catalog = catalogOf(ZONE)
  readonly sent: SentTransfer[] = []
  readonly server: TransferServer
  serial = FIRST
  #steps: ZoneDifference[] = []
  readonly #recent = new RecentSteps()

  constructor(allow = EVERYBODY) {
    const onSent = (sent: SentTransfer) => void this.sent.push(sent)
    const transfers = { allow, since: this.#since, onSent }
    this.server = new TransferServer(this.catalog, transfers, {
      keys: KEYS,
      recentSteps: this.#recent.buffer,
    })
    this.server.nameserver.onSent = onSent
  }

  /** One commit, its serial the next. */
  commit(...changes: readonly RrsetChange[]): void {
    const [from, to] = [this.serial, (this.serial + 1) >>> 0]
    const soa = this.catalog.rrset(APEX, TYPE.SOA) ?? assert.fail()
    const put: RrsetChange = {
      kind: 'put',
      rrset: { ...soa, rdatas: soa.rdatas.map(rdata => soaWithSerial(rdata, to)) },
    }
    const differences = this.catalog.commit([...changes, put])
    const step = zoneDifference({ from, to }, recordLists(APEX, differences))
    this.#steps.push(step)
    this.#recent.append(APEX, step)
    this.serial = to
  }

  forget(): void {
    this.#steps = []
  }

  /** The answers to an IXFR of a client that holds the zone with this serial. */
  ixfr(serial: number): readonly string[] {
    return answersOf(this.server.transfer(ixfr(serial)))
  }

  /** The reply to the same over UDP. */
  udp(serial: number, { edns }: { readonly edns?: number } = { edns: 1232 }): Told {
    return this.server.refusal(ixfr(serial, edns === undefined ? {} : { edns }), '192.0.2.1', 'udp')
  }

  readonly #since = (apex: Uint8Array, { from, to }: { readonly from: number; readonly to: number }) => {
    assert.deepEqual(apex, APEX)
    const first = this.#steps.findIndex(step => step.from === from)
    return first === -1 || this.#steps.at(-1)?.to !== to ? undefined : this.#steps.slice(first).values()
  }
}

function put(label: string, ...octets: readonly number[]): RrsetChange {
  const rdatas = octets.map(octet => Uint8Array.of(10, 0, 0, octet))
  return { kind: 'put', rrset: { owner: wire(`${label}.example.`), type: TYPE.A, ttl: 60, rdatas } }
}

function remove(label: string, type: number = TYPE.A): RrsetChange {
  return { kind: 'remove', owner: wire(`${label}.example.`), type }
}

function ixfr(serial: number, { owner = 'example.', id = 1, edns = 0 } = {}): Uint8Array {
  const query = Buffer.from(queryOf('example.', 'IXFR', { id }))
  query.writeUInt16BE(1, 8)
  query.writeUInt16BE(edns === 0 ? 0 : 1, 10)
  const opt = edns === 0 ? Buffer.alloc(0) : optOf({ edns })
  const rdata = Buffer.concat([Buffer.from([0, 0]), Buffer.alloc(20)])
  rdata.writeUInt32BE(serial >>> 0, 2)
  const fixed = Buffer.from([0, 6, 0, 1, 0, 0, 0, 0, 0, rdata.length])
  return Buffer.concat([query, wire(owner), fixed, rdata, opt])
}

function qtypeOf({ question }: Told): number {
  return Buffer.from(question).readUInt16BE(question.length - 4)
}

/** The SOA as the answers have it. */
function soa(serial: number): string {
  return `example. 300 SOA ns.example. host.example. ${serial} 2 3 4 60`
}

function isWhole(answers: readonly string[]): boolean {
  return answers.some(answer => answer.startsWith('ns.example. 300 A'))
}

suite('2: what a client is sent', () => {
  test('is the SOA alone if it is as new as we are, or newer', () => {
    const world = new World()
    world.commit(put('a', 1))
    for (const serial of [world.serial, world.serial + 5])
      assert.deepEqual(world.ixfr(serial), [soa(world.serial)])
    assert.equal(world.server.held, 0)
  })

  test('is the whole zone if what has changed since is not known', () => {
    const world = new World()
    world.commit(put('a', 1))
    for (const serial of [FIRST - 1, world.serial + 2 ** 31]) {
      const answers = world.ixfr(serial >>> 0)
      assert.ok(isWhole(answers))
      assert.deepEqual([answers[0], answers.at(-1)], [soa(world.serial), soa(world.serial)])
    }
    world.forget()
    assert.ok(isWhole(world.ixfr(FIRST)))
  })
})

suite('2: over UDP', () => {
  test('the differences, if they fit', () => {
    const world = new World()
    world.commit(put('a', 1, 2), remove('old', TYPE.TXT))
    world.commit(remove('a'), put('B', 3))
    const told = world.udp(FIRST)
    assert.deepEqual([told.rcode, told.aa, told.tc], [RCODE.NOERROR, true, false])
    assert.deepEqual(told.answer, world.ixfr(FIRST))
    assert.ok(told.octets.includes(Buffer.from('\x01B', 'latin1')), 'the case of a name is kept')
    assert.equal(qtypeOf(told), TYPE.IXFR)
  })

  test('our SOA alone if they do not fit into what the client takes', () => {
    const world = new World()
    for (let n = 0; n < 30; n++) world.commit(put(`name-of-host-${n}`, n))
    assert.equal(world.udp(FIRST, { edns: 1232 }).answer.length, 34)
    for (const asked of [{}, { edns: 700 }]) {
      const told = world.udp(FIRST, asked)
      assert.deepEqual([told.rcode, told.aa, told.tc], [RCODE.NOERROR, true, false])
      assert.deepEqual(told.answer, [soa(world.serial)])
      assert.equal(qtypeOf(told), TYPE.IXFR)
    }
    for (let n = 0; n < 30; n++) world.commit(put(`name-of-another-${n}`, n))
    assert.deepEqual(world.udp(FIRST, { edns: 4096 }).answer, [soa(world.serial)])
  })

  test('our SOA alone if the client is as new as we are, or newer, or what has changed since is not known', () => {
    const world = new World()
    world.commit(put('a', 1))
    for (const serial of [world.serial, world.serial + 5, FIRST - 1, (FIRST + 2 ** 31) >>> 0])
      assert.deepEqual(world.udp(serial).answer, [soa(world.serial)])
  })

  test('signed if the query is, with room left for that', () => {
    const world = new World([{ key: wire(KEY.name) }])
    world.commit(put('a', 1))
    const { octets, mac } = signed(ixfr(FIRST, { edns: 1232 }), KEY)
    const told = world.server.refusal(octets, '192.0.2.1', 'udp')
    verified(told, KEY, mac)
    assert.equal(told.answer.length, 5)
    const again = world.server.refusal(octets, '192.0.2.1', 'udp')
    assert.equal(again.rcode, RCODE.NOERROR, 'a client that has heard nothing sends the same datagram again')
    for (let n = 0; told.octets.length < 1232 && n < 50; n++) {
      world.commit(put(`n${n}`, 1))
      const { octets: query, mac } = signed(ixfr(FIRST, { edns: 1232 }), KEY)
      const next = world.server.refusal(query, '192.0.2.1', 'udp')
      verified(next, KEY, mac)
      assert.ok(next.octets.length <= 1232)
      assert.equal(next.answer.length === 1 || next.answer.at(-1) === soa(world.serial), true)
    }
  })

  test('whoever sends a signed one again gets the same over UDP, and nothing over TCP once that has been told', () => {
    const world = new World([{ key: wire(KEY.name) }])
    const { nameserver } = world.server
    nameserver.onSigned = query => nameserver.noteSigned(query)
    world.commit(put('a', 1))
    const { octets } = signed(ixfr(FIRST, { edns: 1232 }), KEY)
    assert.equal(world.server.refusal(octets, '192.0.2.1', 'udp').answer.length, 5)
    const again = world.server.refusal(octets, '198.51.100.1', 'tcp')
    assert.deepEqual([again.rcode, tsigOf(again)?.error], [RCODE.NOTAUTH, TSIG_ERROR.BADTIME])
    world.server.begin(signed(ixfr(FIRST, { id: 2 }), KEY).octets).close()
  })

  test('to nobody who is not listed', () => {
    const world = new World([{ key: wire(KEY.name) }])
    world.commit(put('a', 1))
    assert.equal(world.udp(FIRST).rcode, RCODE.REFUSED)
  })

  test('is told of, and counted, as over TCP', () => {
    const world = new World()
    world.commit(put('a', 1))
    world.udp(FIRST)
    world.udp(world.serial)
    world.udp(FIRST - 9)
    assert.deepEqual(
      world.sent.map(({ kind, serial, apex, address }) => [kind, serial, [...apex], [...address]]),
      ['incremental', 'current'].map(kind => [kind, world.serial, [...APEX], [192, 0, 2, 1]]),
    )
    const { incrementalTransfers, currentTransfers } = world.server.nameserver.counts
    assert.deepEqual([incrementalTransfers, currentTransfers], [1, 1])
  })
})

suite('4: the differences', () => {
  test('are between the new SOA twice: the old SOA, what is removed, the new SOA, what is added', () => {
    const world = new World()
    world.commit(put('a', 1, 2), remove('old', TYPE.TXT))
    assert.deepEqual(world.ixfr(FIRST), [
      soa(world.serial),
      soa(FIRST),
      'old.example. 300 TXT "old"',
      soa(world.serial),
      'a.example. 60 A 10.0.0.1',
      'a.example. 60 A 10.0.0.2',
      soa(world.serial),
    ])
  })

  test('of an rrset are its records that differ, or all if its TTL does', () => {
    const world = new World()
    world.commit(put('a', 1, 2))
    const from = world.serial
    world.commit(put('a', 2, 3))
    assert.deepEqual(
      world.ixfr(from).filter(answer => answer.startsWith('a.')),
      ['a.example. 60 A 10.0.0.1', 'a.example. 60 A 10.0.0.3'],
    )
    const rrset = { owner: wire('a.example.'), type: TYPE.A, ttl: 61, rdatas: [Uint8Array.of(10, 0, 0, 3)] }
    const next = world.serial
    world.commit({ kind: 'put', rrset })
    assert.deepEqual(
      world.ixfr(next).filter(answer => answer.startsWith('a.')),
      ['a.example. 60 A 10.0.0.2', 'a.example. 60 A 10.0.0.3', 'a.example. 61 A 10.0.0.3'],
    )
  })

  test('lead over the end of the circle of serials', () => {
    const world = new World()
    for (let n = 1; n <= 5; n++) world.commit(put('a', n))
    assert.equal(world.serial, 2)
    assert.equal(world.ixfr(FIRST)[0], soa(2))
    assert.ok(!isWhole(world.ixfr(FIRST)))
  })

  test('are of the version that the first message is of, whatever is committed meanwhile', () => {
    const world = new World()
    for (let n = 0; n < 3000; n++) world.commit(put(`n${n}`, 1))
    const { serial } = world
    const conversation = world.server.begin(ixfr(FIRST))
    const messages = [nextOf(conversation)]
    for (let n = 0; n < 100; n++) world.commit(remove(`n${n}`))
    while (!conversation.isDone) messages.push(nextOf(conversation))
    const answers = answersOf(messages)
    assert.ok(messages.length > 3)
    assert.deepEqual([answers[0], answers.at(-1)], [soa(serial), soa(serial)])
    assert.equal(answers.filter(answer => answer.startsWith('n')).length, 3000)
  })
})

suite('5: condensation', () => {
  test('several steps are one, and what has come and gone between is left out', () => {
    const world = new World()
    world.commit(put('a', 1), put('gone', 1))
    world.commit(remove('gone'), put('a', 2))
    world.commit(remove('old', TYPE.TXT))
    assert.deepEqual(world.ixfr(FIRST), [
      soa(world.serial),
      soa(FIRST),
      'old.example. 300 TXT "old"',
      soa(world.serial),
      'a.example. 60 A 10.0.0.2',
      soa(world.serial),
    ])
  })

  test('a record that has gone and come back is none', () => {
    const world = new World()
    world.commit(remove('ns'))
    world.commit({
      kind: 'put',
      rrset: { owner: wire('NS.example.'), type: 1, ttl: 300, rdatas: [Uint8Array.of(192, 0, 2, 1)] },
    })
    assert.deepEqual(world.ixfr(FIRST), [soa(world.serial), soa(FIRST), soa(world.serial), soa(world.serial)])
  })

  test('goes on in steps where there is much: each begins with the SOA that the one before ended with', () => {
    const world = new World()
    for (let n = 0; n < 6000; n++) world.commit(put(`name-of-a-host-${n}`, 1))
    const serials = world
      .ixfr(FIRST)
      .filter(answer => answer.includes(' SOA '))
      .map(answer => Number(answer.split(' ')[5]))
    assert.ok(serials.length > 6 && serials.length < 100, `${serials.length} SOA records`)
    assert.deepEqual(serials.slice(0, 2), [world.serial, FIRST])
    for (let i = 2; i < serials.length - 2; i += 2) assert.equal(serials[i], serials[i + 1])
  })
})

suite('3: the query', () => {
  test('has a SOA of the zone in its authority section: without, it is malformed', () => {
    const world = new World()
    for (const query of [queryOf('example.', 'IXFR'), ixfr(FIRST, { owner: 'ns.example.' })])
      for (const transport of ['tcp', 'udp'] as const)
        assert.equal(world.server.refusal(query, '192.0.2.1', transport).rcode, RCODE.FORMERR)
    assert.equal(world.server.held, 0)
  })

  test('is refused from whoever is not listed, over UDP too', () => {
    const world = new World([parsePrefix('192.0.2.0/25') ?? assert.fail()])
    for (const transport of ['tcp', 'udp'] as const)
      assert.equal(world.server.refusal(ixfr(FIRST), '198.51.100.1', transport).rcode, RCODE.REFUSED)
  })
})

test('a journal that can not be read costs no turn of the transfers that come after', () => {
  const catalog = catalogOf(ZONE)
  const server = new TransferServer(catalog, { allow: EVERYBODY, since: () => assert.fail('a defect') })
  for (let n = 0; n <= MAX_TRANSFERS; n++) assert.throws(() => server.ask(ixfr(FIRST - 1)), /a defect/)
  assert.equal(server.held, 0)
  assert.ok(answersOf(server.transfer(queryOf('example.', 'AXFR'))).length > 1)
})

suite('TSIG (RFC 8945)', () => {
  test('is on every message, one chain; a query that is sent again is refused', () => {
    const world = new World([{ key: wire(KEY.name) }])
    for (let n = 0; n < 3000; n++) world.commit(put(`n${n}`, 1))
    const { octets, mac } = signed(ixfr(FIRST), KEY)
    const messages = world.server.transfer(octets)
    assert.ok(messages.length > 2)
    let last: Uint8Array = mac
    for (const [i, told] of messages.entries())
      last = (i === 0 ? verified(told, KEY, last) : verifiedNext(told, KEY, last)).mac
    const again = world.server.refusal(octets)
    assert.deepEqual([again.rcode, tsigOf(again)?.error], [RCODE.NOTAUTH, TSIG_ERROR.BADTIME])
  })

  test('may be of a second earlier than another zone’s that came first, and not of one long past', () => {
    const world = new World([{ key: wire(KEY.name) }])
    world.commit(put('a', 1))
    const at = (timeSigned: number, id: number) => signed(ixfr(FIRST, { id }), KEY, { timeSigned }).octets
    world.server.begin(at(NOW, 1)).close()
    world.server.begin(at(NOW - 1, 2)).close()
    assert.equal(world.server.refusal(at(NOW - 1, 2)).rcode, RCODE.NOTAUTH)
    assert.equal(world.server.refusal(at(NOW - 60, 3)).rcode, RCODE.NOTAUTH)
  })
})

test('what was sent is told: to whom, what, and with which serial', () => {
  const world = new World()
  world.commit(put('a', 1))
  world.ixfr(FIRST)
  world.ixfr(world.serial)
  world.ixfr(FIRST - 7)
  world.server.begin(ixfr(FIRST)).close()
  assert.deepEqual(
    world.sent.map(({ kind, serial, apex, address }) => [kind, serial, [...apex], [...address]]),
    ['incremental', 'current', 'full'].map(kind => [kind, world.serial, [...APEX], [192, 0, 2, 1]]),
  )
  const { fullTransfers, incrementalTransfers, currentTransfers, brokenTransfers } =
    world.server.nameserver.counts
  assert.deepEqual([fullTransfers, incrementalTransfers, currentTransfers, brokenTransfers], [1, 1, 1, 1])
})
