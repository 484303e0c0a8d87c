import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD, LAB, PortalWorld, problemIn } from './portal-world.ts'

const PER_HOUR = 3
const CROWD = 50
const PINGING = LAB.replace('"off"', '"require"').replace(
  'registrations_per_hour = 0',
  `registrations_per_hour = ${PER_HOUR}`,
)

test('of fifty registrations at once that would take long to ping no more are pinged than a visitor may have', async () => {
  await using world = await PortalWorld.open(PINGING)
  world.ping.ms = 300
  const answers = await Promise.all(
    Array.from({ length: CROWD }, (_, n) =>
      world.askJson('/api/v1/tunnels', 'POST', { ...GOOD, ipv4: `192.0.2.${n + 10}`, nicname: `n${n}` }),
    ),
  )
  assert.equal(new Set(world.ping.asked).size, PER_HOUR)
  const refused = answers.filter(({ status }) => status !== 201)
  assert.equal(refused.length, CROWD - PER_HOUR)
  for (const answer of refused) assert.equal(problemIn(answer).code, 'quota-exceeded')
})
