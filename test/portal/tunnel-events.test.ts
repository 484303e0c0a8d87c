import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import { setImmediate as settled } from 'node:timers/promises'
import type { Prober } from '../../src/echo/prober.ts'
import { TunnelEvents } from '../../src/portal/tunnel-events.ts'
import { Customers } from '../../src/registration/customers.ts'
import { Words } from '../../src/words/words.ts'
import { SILENT } from '../lifecycle/world.ts'
import { PortalWorld } from './portal-world.ts'

const VISITOR = { address: '192.0.2.1' }
const ENGLISH = Words.load().fallback
const ALL_ANSWER: Prober = {
  kind: 'fping',
  probe: async targets => new Map(targets.map(target => [target, { kind: 'answered', rttMs: 1 }])),
}

/** Events of a real table, apart from its portal: what a test has not read stays unread. */
async function open() {
  const world = await PortalWorld.open()
  const { id } = await world.register()
  const { table, store } = world.broker
  const faults = { count: 0 }
  const events = new TunnelEvents({
    table,
    store,
    prober: ALL_ANSWER,
    timeoutMs: 100,
    endOf: () => undefined,
    customers: new Customers([]),
    log: { ...SILENT, error: () => void faults.count++ },
  })
  const tunnel = table.byId(id) ?? assert.fail()
  return {
    world,
    id,
    events,
    faults,
    table,
    listen: () => events.listen(tunnel, { visitor: VISITOR, language: ENGLISH, isEnded: () => false }),
    async [Symbol.asyncDispose]() {
      events.close()
      await world[Symbol.asyncDispose]()
    },
  }
}

/** Listens eight times: that is as many as may. */
function takeAllPlaces(listen: () => Readable | undefined): void {
  for (let i = 0; i < 8; i++) assert.ok(listen())
  assert.equal(listen(), undefined)
}

suite('the places of a tunnel’s listeners', () => {
  test('are free at once when all are ended, though nobody reads to the end', async () => {
    await using part = await open()
    takeAllPlaces(part.listen)
    part.events.end(part.id)
    takeAllPlaces(part.listen)
  })

  test('are free at once when the tunnel is deleted, active or dormant', async () => {
    for (const isDormant of [false, true]) {
      await using part = await open()
      const { lifecycle } = part.world.broker
      if (isDormant)
        for (let round = 0; round < 8; round++)
          await lifecycle.recordRound({ answered: [], silent: [part.id] })
      takeAllPlaces(part.listen)
      await lifecycle.delete(part.id)
      takeAllPlaces(part.listen)
    }
  })
})

test('a table that can’t be read for one round of pings is logged, and the next round is told', async t => {
  await using part = await open()
  const { byId } = part.table
  part.table.byId = () => {
    throw new Error('unreadable')
  }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const stream = part.listen() ?? assert.fail()
  t.mock.timers.tick(1)
  await settled()
  assert.equal(part.faults.count, 1)
  part.table.byId = byId
  t.mock.timers.tick(4000)
  await settled()
  assert.match(String(stream.read()), /^event: echo$/m)
})
