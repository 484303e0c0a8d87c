import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireguardDevice } from '../../../src/kind/wireguard/wireguard-device.ts'

/** A device over an interface that listens on `port`, and what `wg set` was run with. */
function deviceOver(port: string) {
  const sets: string[] = []
  const device = new WireguardDevice({
    name: 'fn6-wg',
    program: 'kernel',
    keyFile: '/key',
    port: 51_820,
    mtu: 1420,
    runIp: async () => ({
      status: 0,
      stdout: '7: fn6-wg: <NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue',
      stderr: '',
    }),
    runWg: async ([command, ...args]) => {
      if (command === 'set') sets.push(args.join(' '))
      return { kind: 'done', output: `${port}\n` }
    },
    lost: () => undefined,
  })
  return { device, sets }
}

test('an interface that listens where it should is not told to: its socket would be opened anew', async () => {
  const { device, sets } = deviceOver('51820')
  assert.equal(await device.ensure(), undefined)
  assert.deepEqual(sets, ['fn6-wg private-key /key'])
})

test('one that listens elsewhere is told the port', async () => {
  const { device, sets } = deviceOver('40000')
  assert.equal(await device.ensure(), undefined)
  assert.deepEqual(sets, ['fn6-wg listen-port 51820 private-key /key'])
})
