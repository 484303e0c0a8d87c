import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CookieSecrets } from '../../src/engine/cookie-secrets.ts'
import { CookieRollover } from '../../src/listen/cookie-rollover.ts'

const HOUR_MS = 60 * 60 * 1000

function secretOf(secrets: CookieSecrets, epoch: number): string {
  return Buffer.from(secrets.secret(epoch)).toString('hex')
}

test('from the start there are two secrets, random ones', () => {
  const { secrets } = new CookieRollover()
  const both = [secretOf(secrets, secrets.epoch), secretOf(secrets, secrets.epoch - 1)]
  assert.equal(new Set([...both, '00'.repeat(16)]).size, 3)
})

test('a secret lasts 14 to 24 hours, and stays as the previous one until the next', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const rollover = new CookieRollover()
  const { secrets } = rollover
  rollover.start()
  for (let day = 0; day < 20; day++) {
    const [epoch, current] = [secrets.epoch, secretOf(secrets, secrets.epoch)]
    t.mock.timers.tick(14 * HOUR_MS)
    assert.equal(secrets.epoch, epoch)
    for (let hour = 14; secrets.epoch === epoch; hour++) {
      assert.ok(hour <= 24)
      t.mock.timers.tick(HOUR_MS)
    }
    assert.equal(secretOf(secrets, secrets.epoch - 1), current)
    assert.notEqual(secretOf(secrets, secrets.epoch), current)
    // Back to the very moment of a roll, so that the next day is counted from one.
    rollover.stop()
    rollover.start()
  }
  rollover.stop()
  const { epoch } = secrets
  t.mock.timers.tick(48 * HOUR_MS)
  assert.equal(secrets.epoch, epoch)
})

test('engines on other threads see the secrets through the shared memory', () => {
  const { secrets } = new CookieRollover()
  const elsewhere = new CookieSecrets(secrets.buffer)
  for (let i = 0; i < 10; i++) {
    secrets.roll(new Uint8Array(16).fill(i))
    assert.equal(secretOf(elsewhere, elsewhere.epoch), secretOf(secrets, secrets.epoch))
    assert.equal(elsewhere.epoch, secrets.epoch)
  }
})

test('a new secret is written where neither the current nor the previous one is', () => {
  const { secrets } = new CookieRollover()
  for (let i = 0; i < 10; i++) {
    const { epoch } = secrets
    const [current, previous] = [secretOf(secrets, epoch), secretOf(secrets, epoch - 1)]
    secrets.roll(new Uint8Array(16).fill(i + 1))
    // A reader that took the epoch before the roll finds both as they were.
    assert.deepEqual([secretOf(secrets, epoch), secretOf(secrets, epoch - 1)], [current, previous])
  }
})

test('the epoch goes on past the end of its word', () => {
  const secrets = new CookieSecrets()
  new Int32Array(secrets.buffer, 0, 1)[0] = 2 ** 31 - 2
  for (let i = 1; i <= 4; i++) {
    const before = secretOf(secrets, secrets.epoch)
    secrets.roll(new Uint8Array(16).fill(i))
    assert.equal(secretOf(secrets, secrets.epoch), `0${i}`.repeat(16))
    assert.equal(secretOf(secrets, secrets.epoch - 1), before)
  }
})
