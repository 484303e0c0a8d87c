import assert from 'node:assert/strict'
import { test } from 'node:test'
import { laterSerial } from '../../src/store/sqlite/later-serial.ts'
import { serialAfterLoss } from '../../src/store/sqlite/restored-serial.ts'
import { nextSerial, serialCompare } from '../../src/zone/serial.ts'

const NOW = 1_796_000_000
const WEEK = 7 * 86_400

/** What a start makes of a restored serial of a zone whose serials begin with the time. */
function begun(restored: number, now: number): number {
  return laterSerial(nextSerial(restored), now >>> 0)
}

test('hundreds of losses bring the serial forward each time, past what was served since the backup', () => {
  let served = NOW
  for (let n = 0, now = NOW; n < 250; n++, now += WEEK / 7) {
    const saved = served
    const last = saved + 10_000
    const next = begun(serialAfterLoss(saved >>> 0, { now, knownUntil: now - 3600 }), now)
    assert.equal(serialCompare(next, last >>> 0), 1, `${n}: ${next} after ${last >>> 0}`)
    served = next
  }
})

test('serials that have jumped as far as half the circle do not go behind the time', () => {
  for (const lead of [2 ** 30, 2 ** 31 - 2 ** 20, 2 ** 31 - 1]) {
    const saved = (NOW + lead) >>> 0
    const next = begun(serialAfterLoss(saved, { now: NOW + 60, knownUntil: NOW }), NOW + 60)
    assert.equal(serialCompare(next, saved), 1, String(lead))
  }
})

test('a clock that is wrong makes no jump that secondaries take for one back', () => {
  for (const now of [0, NOW, 2 ** 32 - 1, 2 ** 33]) {
    const next = serialAfterLoss(NOW, { now, knownUntil: NOW })
    assert.equal(serialCompare(next, NOW + 10_000), 1, String(now))
  }
})

test('a backup that is restored once more leads to a later serial, however old it is', () => {
  for (const days of [1, 47, 49, 365]) {
    const [first, second] = [days, days + 1].map(age =>
      serialAfterLoss(NOW, { now: NOW + age * 86_400, knownUntil: NOW }),
    )
    assert.equal(serialCompare(second ?? 0, first ?? 0), 1, `${days} days`)
  }
})
