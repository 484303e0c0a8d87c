import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Figures } from '../../src/health/metric-table.ts'
import { Metrics } from '../../src/health/metrics.ts'

/** A service whose figures are asked for no more. */
function ended(): WeakRef<object> {
  const figures = {}
  new Metrics(figures as Figures, () => undefined)
  return new WeakRef(figures)
}

test('metrics hold nothing of a service that has ended: a process may start everything anew', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const services = Array.from({ length: 5 }, ended)
  for (let look = 0; look < 20 && services.some(one => one.deref() !== undefined); look++) {
    await sleep(20) // a WeakRef is kept until the job that has made it is over
    gc()
  }
  assert.deepEqual(
    services.map(one => one.deref()),
    services.map(() => undefined),
  )
})
