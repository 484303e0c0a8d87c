import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routePools } from '../../src/kernel/forwarding.ts'
import type { RunIp } from '../../src/kernel/ip-command.ts'

const POOL = '2001:db8:f6::/48'
const ROUTED = '2001:db8:8000::/34'
const OURS = 4_278_198_271

/** A table of unreachable routes: metrics by network. */
function kernelWith(routes: Map<string, number>): RunIp {
  return async args => {
    const [network = '', metric] = args
      .slice(args.indexOf('unreachable') + 1)
      .filter(word => word !== 'metric')
    if (args.includes('replace')) routes.set(network, Number(metric))
    if (args.includes('del') && routes.get(network) === Number(metric)) routes.delete(network)
    const listed = Array.from(routes, ([dst, each]) => ({
      type: 'unreachable',
      dst,
      dev: 'lo',
      metric: each,
    }))
    return { status: 0, stdout: args.includes('show') ? JSON.stringify(listed) : '', stderr: '' }
  }
}

test('the route of a pool that the configuration has no more goes with the next preparation', async () => {
  const routes = new Map<string, number>()
  const run = kernelWith(routes)
  await routePools(run, 'unreachable', [POOL, '2001:db8::/32'])
  await routePools(run, 'unreachable', [POOL, ROUTED])
  assert.deepEqual([...routes.keys()], [POOL, ROUTED])
  await routePools(run, 'unreachable', [POOL])
  assert.deepEqual([...routes], [[POOL, OURS]])
})

test('a route that somebody else has set stays', async () => {
  const routes = new Map([[ROUTED, 1024]])
  await routePools(kernelWith(routes), 'unreachable', [POOL])
  assert.equal(routes.get(ROUTED), 1024)
})

test('where the routes can not be listed the pools have theirs all the same', async () => {
  const asked: string[] = []
  const run: RunIp = async args => {
    asked.push(args.join(' '))
    return { status: args.includes('show') ? 1 : 0, stdout: 'no', stderr: 'no' }
  }
  assert.deepEqual(await routePools(run, 'blackhole', [POOL]), [undefined])
  assert.equal(
    asked.some(words => words.includes(' del ')),
    false,
  )
})
