import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logCommand } from '../../src/operator/log-command.ts'
import { RecentRefusals } from '../../src/operator/recent-refusals.ts'

const refusals = new RecentRefusals()
for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
  refusals.note({ time: 0, codes: ['nicname-taken'], address, path: '/' })

/** Whose refusals are shown for what is asked. */
function shown(address: string): readonly string[] {
  return refusals.matching({ address }).map(refusal => refusal.address)
}

test('refusals are found by an address however it is written, and by a prefix', () => {
  assert.deepEqual(shown('192.0.2.2'), ['192.0.2.2'])
  assert.deepEqual(shown('2001:DB8:0::1'), ['2001:db8::1'])
  assert.deepEqual(shown('192.0.2.0/24'), ['192.0.2.1', '192.0.2.2'])
})

test('an address or a code that can not be is a mistake, and no empty list', () => {
  for (const wrong of [{ address: 'nonsense' }, { code: 'nonsense' }, { code: 'toString' }])
    assert.equal(logCommand.mistakes(wrong).length, 1, JSON.stringify(wrong))
  assert.deepEqual(logCommand.mistakes({ address: '192.0.2.1', code: 'nicname-taken' }), [])
})
