import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer } from '../spawn.ts'

test('rounds of the monitor follow each other by themselves', async () => {
  await using server = await startServer({ config: '[monitor]\ninterval = "1s"\n' })
  for (let look = 0; look < 100; look++) {
    const metrics = await (await fetch(`${server.web}/metrics`)).text()
    const rounds = /^freenet6_monitor_rounds_total (\d+)$/m.exec(metrics)?.[1]
    if (Number(rounds) >= 2) return
    await sleep(100)
  }
  assert.fail('no two rounds in ten seconds')
})
