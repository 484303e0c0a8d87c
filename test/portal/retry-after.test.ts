import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBLEMS, type ProblemCode, problem, sortOf } from '../../src/shared/problem.ts'
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

for (const [agent, status] of [
  ['curl/8.5.0', 503],
  ['inadyn/2.12.0', 503],
  ['ddclient/3.11.2', 200], // it reads the word of no other status
] as const)
  test(`an update client hears 911, and when to come back: ${agent}`, async () => {
    await using world = await PortalWorld.open()
    const { id, key } = await world.register()
    const problems = [problem('interface-fault', { reason: 'no room' })]
    world.broker.lifecycle.changeEndpoint = async () => ({ kind: 'refused', problems })
    const query = `/nic/update?hostname=${id}&username=${id}&password=${key}&myip=192.0.2.10`
    const reply = await world.ask(query, { headers: { 'user-agent': agent } })
    assert.deepEqual([reply.status, reply.headers['retry-after'], reply.text], [status, '60', '911\n'])
  })
