import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBLEMS, type ProblemCode, sortOf } from '../../src/shared/problem.ts'
import { GOOD, LAB, PortalWorld } from './portal-world.ts'

/** Of the command line alone, where nobody reads a header. */
const OF_COMMANDS: readonly string[] = [
  'version-gone',
  'not-running',
  'process-unreachable',
  'reply-lost',
  'database-locked',
]
const PASSING: readonly number[] = [429, 503, 507]

test('every refusal of the web that passes by itself says when to come back', () => {
  const silent = (Object.keys(PROBLEMS) as ProblemCode[])
    .filter(code => PASSING.includes(sortOf(code).status) && !OF_COMMANDS.includes(code))
    .filter(code => !sortOf(code).params.includes('seconds') && sortOf(code).retryAfter === undefined)
  assert.deepEqual(silent, [])
})

test('a full pool is tried again in an hour', async () => {
  await using world = await PortalWorld.open(LAB.replace('[tunnel]', '[tunnel]\nmax_tunnels = 1'))
  const first = { ...GOOD, kind: { name: 'sit' }, ipv4: '198.51.100.9', nicname: 'first' } as const
  assert.equal((await world.broker.lifecycle.register(first)).kind, 'registered')
  const reply = await world.askJson('/api/v1/tunnels', 'POST', GOOD)
  assert.deepEqual([reply.status, reply.headers['retry-after']], [503, '3600'])
})

test('curl, which accepts anything, gets no page where programs ask', async () => {
  await using world = await PortalWorld.open()
  const cases = [
    ['POST', '/.well-known/security.txt', 405],
    ['POST', '/healthz', 405],
    ['POST', '/ip', 405],
    ['POST', '/metrics', 405],
  ] as const
  for (const [method, path, status] of cases) {
    const typeFor = async (accept: string) => {
      const reply = await world.ask(path, { method, headers: { accept } })
      assert.equal(reply.status, status, path)
      return String(reply.headers['content-type']).split(';')[0]
    }
    assert.equal(await typeFor('*/*'), 'application/problem+json', path)
    assert.equal(await typeFor('text/html,*/*;q=0.8'), 'text/html', path)
  }
})
