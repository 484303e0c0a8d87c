import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TsigKey } from '../../src/engine/tsig-key.ts'
import { Secondaries } from '../../src/secondary/secondaries.ts'
import { utcSeconds } from '../../src/shared/clock.ts'
import { RCODE } from '../../src/wire/codes.ts'
import { TSIG_ERROR } from '../../src/wire/tsig.ts'
import { append, type Key, macOf, tsigRecord, verified } from '../engine/tsig-client.ts'
import { catalogOf, type Told, wire } from '../engine/zones.ts'
import { SILENT } from '../lifecycle/world.ts'
import { until } from '../until.ts'
import { APEX, Listener, replyTo, ZONE } from './listener.ts'

const KEY: Key = { name: 'k1.example.', algorithm: 'hmac-sha256', secret: Buffer.from('a shared secret') }
const TSIG_KEY: TsigKey = { name: wire(KEY.name), algorithm: 'hmac-sha256', secret: KEY.secret }

let listener: Listener
let port: number
let secondaries: Secondaries
let warnings: { readonly answer?: string }[]

beforeEach(async () => {
  listener = new Listener()
  port = await listener.listen()
  warnings = []
  secondaries = new Secondaries({
    catalog: catalogOf(ZONE),
    secondaries: [{ endpoint: { address: '127.0.0.1', port }, keyName: TSIG_KEY.name }],
    keys: [TSIG_KEY],
    source: '',
    log: { ...SILENT, warn: (facts: object) => void warnings.push(facts) },
  })
})

afterEach(() => {
  secondaries.stop()
  listener.socket.close()
})

async function untilAcknowledged(): Promise<void> {
  await until(() => secondaries.states()[0]?.acknowledged === 7)
}

interface Refusal {
  readonly rcode?: number
  readonly error?: number
  readonly other?: Uint8Array
}

/** Signs a reply to a NOTIFY with a key. */
function signedReply(told: Told, key: Key, { rcode = RCODE.NOERROR, ...signing }: Refusal = {}): Buffer {
  const asked = verified(told, KEY)
  const reply = replyTo(told, rcode)
  const whole = { timeSigned: asked.timeSigned, ...signing }
  return append(reply, tsigRecord(reply, key, { ...whole, mac: macOf(reply, key, whole, asked.mac) }))
}

/** RFC 8945 5.3.2: a reply about a key or a MAC that is wrong has a TSIG without a MAC. */
function refusal(told: Told, error: number): Buffer {
  const reply = replyTo(told, RCODE.NOTAUTH)
  return append(reply, tsigRecord(reply, KEY, { timeSigned: utcSeconds(), error }))
}

suite('a NOTIFY to a secondary with a key (RFC 8945)', () => {
  test('is signed, and answered by a reply that is signed with the same key', async () => {
    listener.reply = told => signedReply(told, KEY)
    secondaries.notify(APEX)
    await untilAcknowledged()
  })

  test('is not answered by one that is not signed, or with another key', async () => {
    secondaries.notify(APEX)
    await listener.until(1)
    await sleep(100)
    assert.deepEqual(secondaries.states()[0]?.answer, 'NOERROR, not signed as it must be')
    listener.reply = told => signedReply(told, { ...KEY, secret: Buffer.from('another') })
    await listener.until(2)
    await sleep(100)
    assert.equal(secondaries.states()[0]?.acknowledged, undefined)
  })
})

suite('a NOTIFY whose signature is not taken', () => {
  const SAID = [
    [TSIG_ERROR.BADKEY, /^NOTAUTH \(BADKEY\): it has no key of this name and algorithm$/],
    [TSIG_ERROR.BADSIG, /^NOTAUTH \(BADSIG\): it has another secret$/],
    [TSIG_ERROR.BADTIME, /^NOTAUTH \(BADTIME\): its clock and ours differ$/],
  ] as const

  for (const [error, text] of SAID) {
    test(`is shown and logged with the reason, once, and sent again: ${text.source}`, async () => {
      listener.reply = told => refusal(told, error)
      secondaries.notify(APEX)
      await listener.until(2)
      await until(() => secondaries.counts.refused === 2)
      const [state] = secondaries.states()
      assert.match(state?.answer ?? '', text)
      assert.equal(state?.acknowledged, undefined)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0]?.answer ?? '', text)
    })
  }

  test('is not refused by an error that nobody has signed and that says nothing of it, as of a zone that is not there', async () => {
    listener.reply = told => replyTo(told, RCODE.NOTAUTH)
    secondaries.notify(APEX)
    await listener.until(2)
    const [state] = secondaries.states()
    assert.equal(state?.answer, 'NOTAUTH, not signed as it must be: it may not have this zone')
    assert.deepEqual([secondaries.counts.refused, warnings.length], [0, 1])
  })

  test('says by how much the clocks differ where the secondary does (RFC 8945 5.2.3)', async () => {
    let ahead = -600
    listener.reply = told => {
      const other = Buffer.alloc(6)
      other.writeUIntBE(utcSeconds() + ahead--, 0, 6)
      return signedReply(told, KEY, { rcode: RCODE.NOTAUTH, error: TSIG_ERROR.BADTIME, other })
    }
    secondaries.notify(APEX)
    await listener.until(2)
    await until(() => secondaries.counts.refused === 2)
    assert.match(
      secondaries.states()[0]?.answer ?? '',
      /^NOTAUTH \(BADTIME\): its clock is 60\d s behind ours$/,
    )
    assert.equal(warnings.length, 1, 'a difference that grows is no other answer')
    listener.reply = told => signedReply(told, KEY)
    await untilAcknowledged()
  })
})
