import { test } from 'node:test'
import { startServer } from '../spawn.ts'
import { until } from '../until.ts'

test('rounds of the monitor follow each other by themselves', async () => {
  await using server = await startServer({ config: '[monitor]\ninterval = "1s"\n' })
  await until(async () => {
    const metrics = await (await fetch(`${server.web}/metrics`)).text()
    return Number(/^freenet6_monitor_rounds_total (\d+)$/m.exec(metrics)?.[1]) >= 2
  }, 'no two rounds')
})
