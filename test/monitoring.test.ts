import assert from 'node:assert/strict'
import { beforeEach, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { watchTunnels } from '../src/monitoring.ts'
import { Stops } from '../src/stops.ts'
import { SILENT } from './lifecycle/world.ts'

const HEARS_ALL_MS = 4000

let stops: Stops
let calls: string[]
let compared: PromiseWithResolvers<void>
let broker: Parameters<typeof watchTunnels>[1]['broker']

beforeEach(() => {
  stops = new Stops()
  calls = []
  compared = Promise.withResolvers()
})

function begin(t: TestContext, kind: 'sit' | 'dry-run' = 'sit'): void {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const told = (call: string) => () => void calls.push(call)
  broker = {
    interfaces: {
      kind,
      watch: () => {
        calls.push('watched')
        return told('watched no more')
      },
    },
    onUnsure: () => undefined,
  }
  watchTunnels(
    {
      start: () => compared.promise,
      stop: async () => void calls.push('monitor stopped'),
      kernelChanged: told('changed'),
      kernelTroubled: told('troubled'),
      kernelHarmed: told('harmed'),
    },
    { broker, stops, log: SILENT },
  )
}

/** How often the monitor was told to compare because something may be amiss. */
function harms(): number {
  return calls.filter(call => call === 'harmed').length
}

test('the kernel is listened to when kernel and table have been compared once, and compared when all is heard', async t => {
  begin(t)
  await setImmediate()
  assert.deepEqual(calls, [])
  compared.resolve()
  await setImmediate()
  assert.deepEqual(calls, ['watched'])
  t.mock.timers.tick(HEARS_ALL_MS - 1)
  assert.equal(harms(), 0)
  t.mock.timers.tick(1)
  assert.equal(harms(), 1)
  await stops.end(SILENT)
  assert.deepEqual(calls.slice(-2), ['watched no more', 'monitor stopped'])
})

test('nothing is listened to when the service has been stopped before the first comparison has ended', async t => {
  begin(t)
  await stops.end(SILENT)
  compared.resolve()
  await setImmediate()
  assert.deepEqual(calls, ['monitor stopped'])
})

test('nobody is compared after the end', async t => {
  begin(t)
  compared.resolve()
  await setImmediate()
  await stops.end(SILENT)
  t.mock.timers.tick(HEARS_ALL_MS)
  assert.equal(harms(), 0)
})

test('a tunnel that a change has left in doubt is told to the monitor, from the first comparison on', async t => {
  begin(t)
  broker.onUnsure()
  assert.deepEqual(calls, ['troubled'])
  await stops.end(SILENT)
})

test('a dry run has no kernel to listen to', async t => {
  begin(t, 'dry-run')
  compared.resolve()
  await setImmediate()
  assert.deepEqual(calls, [])
  await stops.end(SILENT)
})
