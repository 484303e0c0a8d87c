import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OwnAddresses } from '../../src/registration/own-addresses.ts'

const own = new OwnAddresses()

test('every address of an interface is our own', () => {
  const addresses = Object.values(networkInterfaces()).flatMap(entries => entries ?? [])
  const ipv4 = addresses.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
  assert.ok(ipv4.includes('127.0.0.1'))
  assert.deepEqual(
    ipv4.filter(address => !own.has(address)),
    [],
  )
})

for (const address of ['198.51.100.7', '8.8.8.8', '240.0.0.1', '255.255.255.255', '0.0.0.0', '224.0.0.1']) {
  test(`${address} is not`, async () => {
    assert.ok(!own.has(address))
    await nextTurn() // a late error of the system would come here
    assert.ok(own.has('127.0.0.1'), 'and it can be asked again')
  })
}

test('many questions in one turn leave nothing behind', async t => {
  const warning = t.mock.method(process, 'emitWarning')
  for (let i = 0; i < 1000; i++) own.has('198.51.100.7')
  await nextTurn()
  assert.equal(warning.mock.callCount(), 0)
})
